"""Test the main task: drop a song, watch it upload and convert, download the result."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.audio import decoded_seconds
from tests.browser.app import MEGABYTE, App, is_ascending

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_dropped_song_shows_its_progress_and_is_downloaded(
    app: App, long_song: Path, tmp_path: Path
) -> None:
    app.throttle(upload=10 * MEGABYTE)
    app.drop_files(long_song)
    row = app.row("long.wav")
    row.convert("OGG", bitrate="variable", quality="10")
    expect(row.locator.get_by_text("Uploaded")).to_be_visible()
    expect(row.chunks).to_have_count(0)
    row.expect_done("OGG")

    uploaded = app.progress_values(row.upload_bar)
    converted = app.progress_values(row.conversion("OGG").get_by_role("progressbar"))
    assert len(set(uploaded)) >= 5, uploaded
    assert len(set(converted) - {0, 100}) >= 2, converted
    assert is_ascending(uploaded), uploaded
    assert is_ascending(converted), converted
    assert (uploaded[-1], converted[-1]) == (100, 100)
    downloaded = row.download(tmp_path, "OGG")
    assert downloaded.name == "long.ogg"
    assert decoded_seconds(downloaded) == pytest.approx(180, abs=0.05)


def test_a_chosen_song_is_converted_like_a_dropped_one(
    app: App, short_song: Path, tmp_path: Path
) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.convert("FLAC")
    row.expect_done("FLAC")

    assert decoded_seconds(row.download(tmp_path, "FLAC")) == pytest.approx(3, abs=0.05)
