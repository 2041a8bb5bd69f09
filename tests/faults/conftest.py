"""The summary of the fault suite."""

import pytest

_survived: list[str] = []


@pytest.fixture
def survived():
    """Called by a test whose run ended with the data of an undisturbed one."""
    return _survived.append


def pytest_terminal_summary(terminalreporter):
    tried = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if "faults/test_command" in report.nodeid and "slow" in report.keywords
    ]
    if not tried:
        return
    terminalreporter.section("faults")
    for fault in _survived:
        terminalreporter.line(f"survived, nothing lost: {fault}")
    lost = len({report.nodeid for report in tried}) - len(_survived)
    terminalreporter.line(
        f"faults tried {len(_survived) + lost}, survived {len(_survived)}, data lost in {lost}"
    )
