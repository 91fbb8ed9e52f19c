"""Drop a song, watch it, download it."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.audio import decoded_seconds
from tests.browser.app import MEGABYTE, App, rising

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_dropped_song_is_seen_to_upload_and_to_convert_and_downloads_whole(app: App, long_song: Path, tmp_path: Path) -> None:
    app.throttle(upload=10 * MEGABYTE)
    app.drop(long_song)
    row = app.row("long.wav")
    row.convert("OGG", bitrate="variable", quality="10")
    expect(row.chunks).to_have_text("7 of 7 chunks")
    row.is_done("OGG")

    uploaded, converted = app.values(row.upload_bar), app.values(row.conversion("OGG").get_by_role("progressbar"))
    assert len(set(uploaded)) >= 5, uploaded
    assert len(set(converted) - {0, 100}) >= 2, converted
    assert rising(uploaded), uploaded
    assert rising(converted), converted
    assert (uploaded[-1], converted[-1]) == (100, 100)
    downloaded = row.download(tmp_path, "OGG")
    assert downloaded.name == "long.ogg"
    assert decoded_seconds(downloaded) == pytest.approx(180, abs=0.05)


def test_a_picked_song_does_the_same_as_a_dropped_one(app: App, short_song: Path, tmp_path: Path) -> None:
    app.pick(short_song)
    row = app.row("short.wav")
    row.convert("FLAC")
    row.is_done("FLAC")

    assert decoded_seconds(row.download(tmp_path, "FLAC")) == pytest.approx(3, abs=0.05)
