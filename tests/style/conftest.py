"""Print the measured figures at the end of the run, whether or not the tests pass."""

import pytest

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Collect lines that are printed at the end of the run."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the figures."""
    if found := config.stash.get(FIGURES, None):
        terminalreporter.section("style")
        for line in found:
            terminalreporter.write_line(line)
