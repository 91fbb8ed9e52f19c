"""Test playing and downloading each format that Chromium plays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audio import decoded_seconds
from tests.browser.app import App
from tests.system.client import Client

pytestmark = [pytest.mark.browser, pytest.mark.stack]

FORMATS = ["MP3", "WAV", "FLAC", "AAC", "M4A", "OGG", "OPUS"]

# A bare AAC stream has no header, so Chromium estimates its duration from the first frames.
DURATION_TOLERANCE = {"AAC": 10.0}

PLAY = """(player) => new Promise((resolve, reject) => {
    player.onerror = () => reject(new Error(`${player.error.code}: ${player.error.message}`));
    player.ontimeupdate = () => {
        if (player.currentTime <= 0.2) return;
        player.pause();
        resolve(player.duration);
    };
    player.play().catch(reject);
})"""


@pytest.fixture(scope="module")
def session_cookies(stack_url: str, long_song: Path) -> dict[str, str]:
    """Return the cookies of a session in which the song was converted to each of `FORMATS`."""
    with Client(stack_url) as client:
        formats = [{"format": name.lower()} for name in FORMATS]
        upload = client.upload(long_song.read_bytes(), long_song.name, formats)
        for conversion_id in upload["conversions"]:
            client.until_ended(conversion_id)
        return dict(client.http.cookies)


@pytest.fixture
def app(new_user: Callable[..., App], stack_url: str, session_cookies: dict[str, str]) -> App:
    """Return the open page of that session."""
    app = new_user()
    for name, value in session_cookies.items():
        app.page.context.add_cookies([{"name": name, "value": value, "url": stack_url}])
    return app.open()


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_player_plays_a_result_and_shows_its_duration(app: App, format_name: str) -> None:
    player = app.row("long.wav").conversion(format_name).get_by_test_id("player")

    duration = player.evaluate(PLAY)

    assert duration == pytest.approx(180, abs=DURATION_TOLERANCE.get(format_name, 0.1))


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_downloaded_result_is_as_long_as_the_source(
    app: App, format_name: str, tmp_path: Path
) -> None:
    downloaded = app.row("long.wav").download(tmp_path, format_name)

    assert downloaded.name == f"long.{format_name.lower()}"
    assert decoded_seconds(downloaded) == pytest.approx(180, abs=0.05)
