"""One page that shows a run: what was trained, what it scores, what it looks like."""

from deltavae.report.comparison_page import write_comparison
from deltavae.report.run_page import write_report

__all__ = ["write_comparison", "write_report"]
