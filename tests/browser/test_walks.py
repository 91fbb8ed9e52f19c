"""Walk through the page as different people would, from their file to their result."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.audio import decoded_seconds, ffmpeg, run_ffmpeg, song
from tests.browser.app import MEGABYTE, App, save_download
from tests.browser.layout_checks import ELEMENTS_OUTSIDE_WINDOW
from tests.browser.monitor import NETWORK_ERROR

pytestmark = [pytest.mark.browser, pytest.mark.stack]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
ALBUM_SIZE = 20


def loudness(path: Path) -> float:
    """Return the integrated loudness of a file in LUFS."""
    log = run_ffmpeg("-i", str(path), "-af", "loudnorm=print_format=json", "-f", "null", "-")
    measured = json.loads(
        log.stderr.decode()[log.stderr.decode().rindex("{") :].split("}")[0] + "}"
    )
    return float(measured["input_i"])


def facts(path: Path) -> str:
    """Return what FFmpeg says about a file."""
    shown = subprocess.run([ffmpeg(), "-i", str(path)], capture_output=True, check=False)
    return shown.stderr.decode(errors="replace")


def test_a_voice_memo_on_a_phone(new_user: Callable[..., App], tmp_path: Path) -> None:
    memo = song(tmp_path, 20, "Voice memo.m4a", "-ac", "1", "-b:a", "64k")
    app = new_user(**PHONE).open()
    app.choose_files(memo)
    row = app.row(memo.name)
    row.choose_format("MP3")
    row.button("convert").tap()

    row.expect_done("MP3")

    assert app.page.evaluate(ELEMENTS_OUTSIDE_WINDOW) == []
    with app.page.expect_download() as download:
        row.locator.get_by_test_id("download-link").tap()
    assert decoded_seconds(save_download(download.value, tmp_path)) == pytest.approx(20, abs=0.1)
    row.button("delete").tap()
    expect(app.rows).to_have_count(0)


def test_an_album_in_folders_with_a_cover_becomes_mp3(app: App, tmp_path: Path) -> None:
    picture = tmp_path / "cover.png"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-frames:v", "1", str(picture))
    plain = song(tmp_path, 2, "plain.flac", "-ar", "96000", "-sample_fmt", "s32")
    folders = [tmp_path / "Album" / f"CD {number}" for number in (1, 2)]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "cover.jpg").write_bytes(b"no sound")
    for number in range(1, ALBUM_SIZE + 1):
        track = folders[(number - 1) // 10] / f"{number} Song.flac"
        cover = ("-map", "0:a", "-map", "1:v", "-disposition:v", "attached_pic", "-c", "copy")
        tags = ("-metadata", f"title=Song {number}")
        run_ffmpeg("-i", str(plain), "-i", str(picture), *cover, *tags, str(track))
    app.drop_files(tmp_path / "Album")
    expect(app.rows).to_have_count(ALBUM_SIZE)
    expect(app.page.get_by_test_id("set-aside")).to_contain_text("cover.jpg")
    app.page.get_by_test_id("preset-select").select_option(label="Music (320 kbit/s)")
    app.page.get_by_test_id("convert-all").click()

    toolbar = app.page.get_by_test_id("list-toolbar")
    expect(toolbar).to_contain_text(f"{ALBUM_SIZE} of {ALBUM_SIZE} done", timeout=180_000)

    row = app.row("1 Song.flac")
    row.locator.get_by_test_id("details").locator("summary").click()
    expect(row.locator.get_by_test_id("details")).to_contain_text("96 kHz, 24-bit")
    expect(row.locator.get_by_test_id("details")).to_contain_text("with cover")
    downloaded = facts(row.download(tmp_path, "MP3"))
    assert re.search(r"title\s*: Song 1", downloaded)
    assert "attached pic" in downloaded


def test_a_podcaster_takes_the_sound_of_a_video(app: App, tmp_path: Path) -> None:
    sound = song(tmp_path, 15, "sound.wav")
    video = tmp_path / "Interview.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc=s=64x64:r=5:d=15", "-c:v", "mjpeg")
    run_ffmpeg("-i", str(sound), *picture, "-af", "volume=-14dB", "-c:a", "aac", str(video))
    app.choose_files(video)
    row = app.row(video.name)
    purpose = row.locator.get_by_test_id("preset-select")
    purpose.select_option(label="Podcast (−16 LUFS, mono)")
    row.button("convert").click()

    row.expect_done("MP3")

    result = row.download(tmp_path, "MP3")
    assert "mono" in facts(result)
    assert loudness(result) == pytest.approx(-16, abs=0.7)


def test_a_ringtone_has_thirty_seconds_and_fades_out(app: App, tmp_path: Path) -> None:
    app.choose_files(song(tmp_path, 40, "Anthem.flac"))
    row = app.row("Anthem.flac")
    row.locator.get_by_test_id("preset-select").select_option(label="Ringtone (30 s, M4A)")
    row.button("convert").click()

    row.expect_done("M4A")

    ringtone = row.download(tmp_path, "M4A")
    assert decoded_seconds(ringtone) == pytest.approx(30, abs=0.1)
    end = run_ffmpeg(
        "-sseof", "-0.2", "-i", str(ringtone), "-af", "volumedetect", "-f", "null", "-"
    )
    loudest = re.search(r"max_volume: (-[\d.]+) dB", end.stderr.decode())
    assert loudest
    assert float(loudest[1]) < -20


def test_a_train_with_cuts_a_closed_tab_and_two_tabs(app: App, long_song: Path) -> None:
    app.monitor.allow_errors(NETWORK_ERROR)
    app.throttle(upload=4 * MEGABYTE)
    app.choose_files(long_song)
    app.row("long.wav").convert("MP3")
    expect(app.row("long.wav").chunks).to_have_text(re.compile(r"^[1-6] of 7"))
    app.throttle(offline=True)
    expect(app.row("long.wav").locator.get_by_text("Waiting for the network")).to_be_visible()
    app.throttle(upload=4 * MEGABYTE)
    expect(app.row("long.wav").locator.get_by_text("Uploading", exact=True)).to_be_visible()

    context = app.page.context
    second = App(context.new_page(), app.url).open()
    expect(second.row("long.wav").locator.get_by_text("in another tab")).to_be_visible()
    app.page.close()

    second.row("long.wav").expect_done("MP3")
    expect(second.rows).to_have_count(1)
    uploads: list[dict[str, Any]] = context.request.get(f"{app.url}/api/uploads").json()["items"]
    assert [(each["status"], len(each["conversions"])) for each in uploads] == [("uploaded", 1)]
