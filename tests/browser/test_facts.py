"""Test what the page says about files before and after the click."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.audio import run_ffmpeg
from tests.browser.app import App

pytestmark = [pytest.mark.browser, pytest.mark.stack]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return a video with a German and an English sound track."""
    path = tmp_path / "film.mkv"
    inputs = ["testsrc=s=64x64:r=5:d=4", "sine=f=440:d=4", "sine=f=880:d=4"]
    run_ffmpeg(
        *(argument for each in inputs for argument in ("-f", "lavfi", "-i", each)),
        *("-map", "0", "-map", "1", "-map", "2", "-c:a", "flac", "-c:v", "mjpeg"),
        *("-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=eng"),
        *("-metadata", "title=A film with two tracks"),
        str(path),
    )
    return path


def test_size_limit_lifetime_and_estimate_are_said_before_the_click(
    app: App, short_song: Path
) -> None:
    expect(app.page.get_by_text("Up to 5.3 GB for each file")).to_be_visible()
    expect(app.page.get_by_text("deleted after 24 hours")).to_be_visible()
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.choose_format("MP3", bitrate="128k")
    expect(row.locator.get_by_test_id("estimate")).to_have_text("about 48.0 KB")


def test_tags_are_shown_and_a_sound_track_can_be_chosen(app: App, film: Path) -> None:
    app.choose_files(film)
    row = app.row("film.mkv")
    row.convert("FLAC")
    row.expect_done("FLAC")
    row.locator.get_by_test_id("details").locator("summary").click()
    expect(row.locator.get_by_test_id("details")).to_contain_text("A film with two tracks")

    row.button("convert-again").click()
    track = row.locator.get_by_test_id("option-track")
    track.select_option("1")
    expect(track.locator("option:checked")).to_contain_text("eng")
    row.convert("WAV")
    row.expect_done("WAV")
    conversions = app.page.request.get(f"{app.url}/api/conversions").json()["items"]
    assert {each["format"]: each["options"].get("track") for each in conversions} == {
        "flac": None,
        "wav": 1,
    }
