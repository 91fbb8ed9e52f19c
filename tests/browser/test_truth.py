"""Test that the page stays open and says what is true when something is missing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.audio import song
from tests.browser.app import MEGABYTE, App
from tests.browser.monitor import NETWORK_ERROR

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_download_that_cannot_be_had_is_explained_in_the_row(
    app: App, short_song: Path, tmp_path: Path
) -> None:
    app.monitor.allow_errors(NETWORK_ERROR)
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.expect_done("MP3")
    link = row.locator.get_by_test_id("download-link")
    message = row.locator.get_by_test_id("error-message")

    app.page.context.set_offline(True)
    link.click()
    expect(message).to_contain_text("Check your connection")
    app.page.context.set_offline(False)
    expect(message).to_have_count(0)
    row.download(tmp_path, "MP3")
    app.page.context.clear_cookies()
    link.click()

    expect(message).to_contain_text("your session has ended")
    expect(row.button("retry")).to_have_count(0)


def test_a_player_that_failed_without_a_network_plays_with_it(app: App, short_song: Path) -> None:
    app.monitor.allow_errors(NETWORK_ERROR)
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.expect_done("MP3")
    player = row.locator.get_by_test_id("player")
    message = row.locator.get_by_test_id("error-message")
    play = "(player) => void player.play().catch(() => undefined)"

    app.page.context.set_offline(True)
    player.evaluate(play)
    expect(message).to_contain_text("Check your connection")
    app.page.context.set_offline(False)
    expect(message).to_have_count(0)
    player.evaluate(play)

    expect(player).to_have_attribute("data-loaded", "true")
    expect(message).to_have_count(0)


def test_a_stalled_upload_is_said_and_the_title_shows_progress(app: App, tmp_path: Path) -> None:
    app.throttle(upload=MEGABYTE)
    app.choose_files(song(tmp_path, 60, "stall.wav"))
    row = app.row("stall.wav")
    row.convert("FLAC")
    expect(row.locator.get_by_text("MB/s").or_(row.locator.get_by_text("KB/s"))).to_be_visible()

    app.throttle(upload=1)

    expect(row.locator.get_by_text("Stalled")).to_be_visible(timeout=10_000)
    expect(app.page).to_have_title(re.compile(r"^\d+% · 0 of 1 done"))
    app.throttle()
    row.expect_done("FLAC")
    expect(app.page).to_have_title("1 done · TinyPixo")


def test_what_has_expired_says_so_while_the_page_is_open(
    new_user: Callable[..., App], short_song: Path
) -> None:
    app = new_user()
    app.page.clock.install()
    app.open().choose_files(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.expect_done("MP3")
    kept = row.locator.locator("time")
    expect(kept).to_contain_text(re.compile("today|tomorrow"))

    app.page.clock.fast_forward("25:00:00")

    expect(kept).to_have_text("expired")
