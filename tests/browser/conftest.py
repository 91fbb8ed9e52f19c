"""A Chromium for these tests; a context, which is a person of their own, for each."""

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.audio import song
from tests.browser.app import App
from tests.browser.chromium import launch

RESULTS = Path(__file__).parent.parent.parent / "test-results"
FAILED = pytest.StashKey[bool]()


# Not for the session: while Playwright runs, its event loop is this thread's, and tests elsewhere start loops of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launch(playwright) as launched:
        yield launched


@pytest.fixture
def person(browser: Browser, stack_url: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., App]]:
    """Makes people: each call is another session, with options of a browser context."""
    made: list[App] = []

    def make(**options: object) -> App:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, "locale": "en-GB"} | options)  # type: ignore[arg-type]
        context.set_default_timeout(60_000)
        made.append(App(context.new_page(), stack_url))
        return made[-1]

    yield make
    complaints = [complaint for each in made for complaint in each.watch.complaints()]
    if complaints or request.node.stash.get(FAILED, False):
        for number, each in enumerate(made):
            _keep(f"{_file_name(request.node.nodeid)}-{number}", each)
    for each in made:
        each.page.context.close()
    assert not complaints, complaints


@pytest.fixture
def app(person: Callable[..., App]) -> App:
    """One person, with the page open."""
    return person().open()


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("music")


@pytest.fixture(scope="session")
def long_song(music: Path) -> Path:
    """Three minutes, 32 MB, seven chunks."""
    return song(music, 180, "long.wav")


@pytest.fixture(scope="session")
def short_song(music: Path) -> Path:
    """Three seconds, one chunk."""
    return song(music, 3, "short.wav")


@pytest.fixture(scope="session")
def words(music: Path) -> Path:
    """No music, whatever its name says."""
    path = music / "song.mp3"
    path.write_text("These are words, not music.\n" * 500)
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def _keep(name: str, app: App) -> None:
    RESULTS.mkdir(exist_ok=True)
    app.watch.save(RESULTS / f"{name}.log")
    app.page.screenshot(path=RESULTS / f"{name}.png", full_page=True)


def _file_name(test: str) -> str:
    return re.sub(r"\W+", "-", test.rsplit("/", 1)[-1])
