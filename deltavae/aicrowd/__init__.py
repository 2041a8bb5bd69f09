"""Tells, before a submission, whether everything that the platform needs is right."""

from deltavae.aicrowd.check import Finding, check_submission

__all__ = ["Finding", "check_submission"]
