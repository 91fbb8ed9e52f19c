"""Each format of the first seven, of a three-minute song, as the page offers it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.audio import decoded_seconds
from tests.browser.app import App
from tests.system.client import Client

pytestmark = [pytest.mark.browser, pytest.mark.stack]

FORMATS = ["MP3", "WAV", "FLAC", "AAC", "M4A", "OGG", "OPUS"]

# A bare AAC stream has no header: until Chromium has heard all of it, it guesses from the first frames.
PLAYER_PRECISION = {"AAC": 10.0}

PLAY = """(player) => new Promise((resolve, reject) => {
    player.onerror = () => reject(new Error(`${player.error.code}: ${player.error.message}`));
    player.ontimeupdate = () => player.currentTime > 0.2 && (player.pause(), resolve(player.duration));
    player.play().catch(reject);
})"""


@pytest.fixture(scope="module")
def session(stack_url: str, long_song: Path) -> dict[str, str]:
    """The cookies of somebody who has had the song made into everything."""
    with Client(stack_url) as client:
        upload = client.upload(long_song.read_bytes(), long_song.name, [{"format": name.lower()} for name in FORMATS])
        for conversion_id in upload["conversions"]:
            client.until_ended(conversion_id)
        return dict(client.http.cookies)


@pytest.fixture
def owner(person: Callable[..., App], stack_url: str, session: dict[str, str]) -> App:
    app = person()
    for name, value in session.items():
        app.page.context.add_cookies([{"name": name, "value": value, "url": stack_url}])
    return app.open()


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_player_plays_it_and_knows_its_length(owner: App, format_name: str) -> None:
    player = owner.row("long.wav").conversion(format_name).get_by_test_id("player")

    duration = player.evaluate(PLAY)

    assert duration == pytest.approx(180, abs=PLAYER_PRECISION.get(format_name, 0.1))


@pytest.mark.parametrize("format_name", FORMATS)
def test_what_a_click_downloads_lasts_as_long_as_the_source(owner: App, format_name: str, tmp_path: Path) -> None:
    downloaded = owner.row("long.wav").download(tmp_path, format_name)

    assert downloaded.name == f"long.{format_name.lower()}"
    assert decoded_seconds(downloaded) == pytest.approx(180, abs=0.05)
