"""Test what a user does with many files at once."""

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from tests.audio import song
from tests.browser.app import App, save_download

pytestmark = [pytest.mark.browser, pytest.mark.stack]

COUNT = 9


def test_an_album_is_set_converted_packed_and_removed_together(app: App, tmp_path: Path) -> None:
    album = tmp_path / "Album"
    album.mkdir()
    first = song(album, 1, "1.wav").read_bytes()
    for number in range(2, COUNT + 1):
        (album / f"{number}.wav").write_bytes(first)
    app.drop_files(album)
    expect(app.rows).to_have_count(COUNT)

    app.page.get_by_test_id("preset-select").select_option(label="Music (320 kbit/s)")
    settings = app.page.get_by_test_id("all-settings")
    settings.get_by_test_id("option-channels").select_option(label="Mono")
    app.page.get_by_test_id("convert-all").click()
    expect(app.page.get_by_test_id("convert-all")).to_have_count(0)
    expect(app.page.get_by_role("list", name="Your files")).to_be_focused()
    expect(app.page).to_have_title(re.compile(f"of {COUNT} done|^{COUNT} done"))

    toolbar = app.page.get_by_test_id("list-toolbar")
    expect(toolbar).to_contain_text(f"{COUNT} of {COUNT} done")
    conversions = app.page.request.get(f"{app.url}/api/conversions").json()["items"]
    assert [each["options"] for each in conversions] == [{"bitrate": "320k", "channels": 1}] * COUNT
    app.reload()  # The service knows no folders.
    expect(app.rows.first).to_contain_text("Album · ")
    with app.page.expect_download() as download:
        toolbar.get_by_role("button", name="Download all").click()
    archive = ZipFile(save_download(download.value, tmp_path))
    assert archive.testzip() is None
    assert archive.namelist() == [f"Album/{number}.mp3" for number in range(1, COUNT + 1)]
    boxes = [row.bounding_box() for row in app.rows.all()]
    assert all(box and box["height"] < 150 for box in boxes)

    details = app.row("1.wav").locator.get_by_test_id("details")
    expect(app.row("1.wav").locator.get_by_test_id("player")).to_be_hidden()
    details.locator("summary").click()
    expect(details).to_contain_text("44.1 kHz, 16-bit, Stereo")
    assert any(each["output"]["sha256"] in details.inner_text() for each in conversions)
    expect(app.row("1.wav").locator.get_by_test_id("player")).to_be_visible()

    app.row("2.wav").button("delete").focus()
    app.page.keyboard.press("Enter")
    expect(app.row("3.wav").locator).to_be_focused()
    toolbar.get_by_role("button", name="Remove all").click()
    expect(app.rows).to_have_count(0)


def test_forced_colours_show_bars_and_arrows(app: App, short_song: Path) -> None:
    app.page.emulate_media(forced_colors="active")
    app.choose_files(short_song)
    row = app.row("short.wav")
    select = row.locator.get_by_test_id("format-select")
    assert select.evaluate("(element) => getComputedStyle(element).appearance") == "auto"

    row.convert("MP3")

    row.expect_done("MP3")
    fill = row.locator.locator(".bar__fill").first
    background = fill.evaluate("(element) => getComputedStyle(element).backgroundColor")
    assert background not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"), background
