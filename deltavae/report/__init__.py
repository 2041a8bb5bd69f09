"""HTML pages of runs and studies: scores, figures, configuration."""

from deltavae.report.comparison_page import write_comparison
from deltavae.report.run_page import write_report

__all__ = ["write_comparison", "write_report"]
