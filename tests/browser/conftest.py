"""Start one Chromium for all browser tests, and create a new context for each user."""

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.audio import song
from tests.browser.app import App
from tests.browser.chromium import launch

RESULTS = Path(__file__).parent.parent.parent / "test-results"
HAS_FAILED = pytest.StashKey[bool]()
DESKTOP = {"viewport": {"width": 1100, "height": 900}, "locale": "en-GB"}


# Package scope, not session scope: Playwright runs an event loop in this thread, and tests in
# other packages start event loops of their own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launch(playwright) as launched:
        yield launched


@pytest.fixture
def new_user(
    browser: Browser, stack_url: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., App]]:
    """Return a function that creates a user with a session of their own.

    Its arguments are options of the browser context. The test fails if a user's browser reports
    an unexpected error.
    """
    apps: list[App] = []

    def create(**options: object) -> App:
        context = browser.new_context(**DESKTOP | options)  # type: ignore[arg-type]
        context.set_default_timeout(60_000)
        apps.append(App(context.new_page(), stack_url))
        return apps[-1]

    yield create
    unexpected = [event for app in apps for event in app.monitor.unexpected_events()]
    if unexpected or request.node.stash.get(HAS_FAILED, False):
        for number, app in enumerate(apps):
            save_results(f"{file_name(request.node.nodeid)}-{number}", app)
    for app in apps:
        app.page.context.close()
    assert not unexpected, unexpected


@pytest.fixture
def app(new_user: Callable[..., App]) -> App:
    """Return the open page of one user."""
    return new_user().open()


@pytest.fixture(scope="session")
def audio_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audio")


@pytest.fixture(scope="session")
def long_song(audio_folder: Path) -> Path:
    """Return a song of three minutes, 32 MB and seven parts."""
    return song(audio_folder, 180, "long.wav")


@pytest.fixture(scope="session")
def short_song(audio_folder: Path) -> Path:
    """Return a song of three seconds and one part."""
    return song(audio_folder, 3, "short.wav")


@pytest.fixture(scope="session")
def text_file(audio_folder: Path) -> Path:
    """Return a text file with the name of a song."""
    path = audio_folder / "song.mp3"
    path.write_text("These are words, not music.\n" * 500)
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[HAS_FAILED] = True
    return report


def save_results(name: str, app: App) -> None:
    """Save the browser log and a screenshot of a failed test."""
    RESULTS.mkdir(exist_ok=True)
    app.monitor.save(RESULTS / f"{name}.log")
    app.page.screenshot(path=RESULTS / f"{name}.png", full_page=True)


def file_name(test_id: str) -> str:
    return re.sub(r"\W+", "-", test_id.rsplit("/", 1)[-1])
