"""What holds for all tests: how hypothesis runs, and that nothing is skipped where nothing may be."""

import gc
import os

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")

# A shared machine is slow now and then: tests are not timed by example. In CI the same examples run every time.
settings.register_profile("limen", deadline=None, print_blob=True, derandomize=IN_CI)
settings.load_profile("limen")


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter is not None else 0


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: what was not tried was not shown to work."""
    if IN_CI and session.exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says so, above pytest's own summary."""
    if IN_CI and (count := _skipped(config)):
        terminalreporter.write_sep(
            "!", f"{count} skipped, and with CI set nothing may be: this run has failed", red=True
        )
