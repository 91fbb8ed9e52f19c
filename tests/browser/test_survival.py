"""Test that the list and what was asked for survive a reload at any time."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.audio import song
from tests.browser.app import MEGABYTE, App

pytestmark = [pytest.mark.browser, pytest.mark.stack]

ALBUM_SIZE = 50


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Return a folder of fifty songs with a cover, a cue sheet and a log."""
    folder = tmp_path / "Album"
    folder.mkdir()
    first = song(folder, 1, "1 song.wav").read_bytes()
    for number in range(2, ALBUM_SIZE + 1):
        (folder / f"{number} song.wav").write_bytes(first)
    for name in ("cover.jpg", "album.cue", "rip.log"):
        (folder / name).write_bytes(b"no sound")
    return folder


def test_a_dropped_album_survives_a_reload_in_its_order(app: App, album: Path) -> None:
    app.drop_files(album)
    expect(app.rows).to_have_count(ALBUM_SIZE)
    expect(app.page.get_by_test_id("set-aside")).to_contain_text("cover.jpg")
    app.page.wait_for_timeout(400)  # The time after which the files were lost.

    app.reload()

    expect(app.rows).to_have_count(ALBUM_SIZE)
    names = app.page.get_by_role("heading", level=2).all_inner_texts()
    assert names == [f"{number} song.wav" for number in range(1, ALBUM_SIZE + 1)]


def test_queued_and_paused_uploads_stay_so_after_a_reload(
    app: App, long_song: Path, tmp_path: Path
) -> None:
    app.throttle(upload=MEGABYTE)
    app.choose_files(long_song)
    row = app.row("long.wav")
    row.button("convert").click()
    row.button("pause").click()
    expect(row.locator.get_by_text("Paused")).to_be_visible()
    app.choose_files(*(song(tmp_path, 30, f"{number}.wav") for number in range(1, 5)))
    app.page.get_by_test_id("convert-all").click()
    expect(app.page.locator("[data-stage=queued]")).to_have_count(2)
    expect(app.page.get_by_text("saving in this browser")).to_have_count(0)

    app.reload()

    expect(row.locator.get_by_text("Paused")).to_be_visible()
    expect(app.page.locator("[data-stage=draft]")).to_have_count(0)
    expect(app.page.locator("[data-stage=queued]")).to_have_count(2)
    expect(row.chunks).to_have_text(re.compile("^0 of 7"))


def test_leaving_is_warned_about_while_bytes_are_only_in_this_tab(
    app: App, long_song: Path
) -> None:
    app.page.evaluate("navigator.storage.estimate = async () => ({ quota: 0, usage: 0 })")
    app.throttle(upload=MEGABYTE)
    app.choose_files(long_song)
    expect(app.page.get_by_text("only in this tab: keep it open")).to_be_visible()

    with app.page.expect_event("dialog") as dialog:
        app.page.close(run_before_unload=True)

    assert dialog.value.type == "beforeunload"
    dialog.value.dismiss()
    app.throttle()
    app.row("long.wav").button("convert").click()
    app.row("long.wav").expect_done("MP3")
