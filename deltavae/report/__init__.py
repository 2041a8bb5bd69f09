"""HTML pages of runs and studies: scores, figures, configuration."""

from typing import TYPE_CHECKING, Any

from deltavae.report.comparison_page import write_comparison

if TYPE_CHECKING:
    from deltavae.report.run_page import write_report

__all__ = ["write_comparison", "write_report"]


def __getattr__(name: str) -> Any:
    # the page of a run needs TensorFlow, those of studies and comparisons do not
    if name == "write_report":
        from deltavae.report.run_page import write_report

        return write_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
