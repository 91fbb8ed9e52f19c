"""Test what a user can do with one file and with many, and that sessions are separate."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.audio import song
from tests.browser.app import MEGABYTE, App, Row
from tests.browser.monitor import NETWORK_ERROR

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_three_dropped_files_are_converted_to_three_formats(app: App, tmp_path: Path) -> None:
    formats = {"one.wav": "MP3", "two.wav": "OPUS", "three.wav": "FLAC"}
    app.drop_files(*(song(tmp_path, 4, name) for name in formats))
    for name, format_name in formats.items():
        app.row(name).choose_format(format_name)

    app.page.get_by_test_id("convert-all").click()

    for name, format_name in formats.items():
        row = app.row(name)
        row.expect_done(format_name)
        expected_name = f"{Path(name).stem}.{format_name.lower()}"
        assert row.download(tmp_path, format_name).name == expected_name


def retry(row: Row) -> None:
    """Retry a conversion, and wait until the old one is deleted."""
    with row.page.expect_response(lambda response: response.request.method == "DELETE"):
        row.button("retry").click()
    expect(row.status).to_have_count(1)


def test_a_text_file_fails_with_a_readable_reason_and_no_retry(app: App, text_file: Path) -> None:
    app.choose_files(text_file)
    row = app.row("song.mp3")
    row.convert("WAV")

    expect(row.status).to_have_text("Failed")
    reason = row.locator.get_by_test_id("error-message").inner_text()
    assert len(reason.split()) > 4, reason
    assert "ffmpeg" not in reason.lower(), reason
    assert "_" not in reason, reason
    expect(row.button("retry")).to_have_count(0)
    expect(row.button("convert-again")).to_have_count(0)


def test_two_users_see_only_their_own_files(
    new_user: Callable[..., App], short_song: Path, text_file: Path
) -> None:
    first, second = new_user().open(), new_user().open()
    first.choose_files(short_song)
    first.row("short.wav").convert("MP3")
    second.choose_files(text_file)
    second.row("song.mp3").convert("OGG")
    first.row("short.wav").expect_done("MP3")
    expect(second.row("song.mp3").status).to_have_text("Failed")

    for app, own_file in ((first, "short.wav"), (second, "song.mp3")):
        app.reload()
        expect(app.row(own_file).locator).to_be_visible()
        expect(app.rows).to_have_count(1)


def test_an_uploaded_file_is_converted_again_without_another_upload(
    app: App, short_song: Path
) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.expect_done("MP3")
    puts_before = len(app.monitor.puts())

    row.button("convert-again").click()
    row.convert("FLAC", bit_depth="24")

    row.expect_done("MP3", "FLAC")
    assert len(app.monitor.puts()) == puts_before


def test_a_deleted_file_does_not_come_back_after_a_reload(app: App, short_song: Path) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.expect_done("MP3")
    link = row.locator.get_by_test_id("download-link").get_attribute("href")

    row.button("delete").click()

    expect(app.rows).to_have_count(0)
    app.reload()
    expect(app.page.get_by_role("heading", level=1)).to_be_visible()
    expect(app.rows).to_have_count(0)
    assert app.page.request.get(f"{app.url}{link}").status in (404, 410)


def test_a_cancelled_conversion_stops_at_once_and_can_be_retried(app: App, long_song: Path) -> None:
    app.choose_files(long_song)
    row = app.row("long.wav")
    row.convert("OGG", bitrate="variable", quality="10")
    expect(row.status).to_have_text("Converting")

    row.conversion("OGG").get_by_test_id("cancel-button").click()

    expect(row.status).to_have_text("Cancelled", timeout=10_000)
    retry(row)
    row.expect_done("OGG")


def test_a_cancelled_upload_is_deleted(app: App, long_song: Path) -> None:
    # A part in flight is refused or cut off.
    app.monitor.allow_errors(NETWORK_ERROR)
    app.throttle(upload=2 * MEGABYTE)
    app.choose_files(long_song)
    row = app.row("long.wav")
    row.convert("MP3")
    expect(row.upload_bar).not_to_have_attribute("aria-valuenow", "0")

    row.button("cancel").click()
    app.page.get_by_test_id("undo-button").click()
    expect(row.upload_bar).to_be_visible()
    row.button("cancel").click()

    expect(app.rows).to_have_count(0)
    expect(app.page.get_by_test_id("undo-bar")).to_have_count(0)
    expect_no_uploads(app)


def test_a_file_is_uploaded_while_its_format_is_chosen(app: App, short_song: Path) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    expect(row.locator.get_by_text("Uploaded")).to_be_visible()
    expect(row.chunks).to_have_count(0)
    app.reload()
    puts_before = len(app.monitor.puts())
    row.convert("FLAC")
    row.expect_done("FLAC")
    assert len(app.monitor.puts()) == puts_before

    app.choose_files(short_song)
    draft = app.page.locator("[data-stage=draft]")
    expect(draft.get_by_text("Uploaded")).to_be_visible()
    draft.get_by_test_id("delete-button").click()
    app.page.reload()
    expect(app.rows).to_have_count(1)
    everything = app.page.get_by_test_id("delete-everything")
    everything.click()
    expect(everything).to_contain_text("cannot be undone")
    everything.click()
    expect(app.rows).to_have_count(0)
    expect_no_uploads(app)


def expect_no_uploads(app: App) -> None:
    """Wait until the service has nothing more of this user."""
    app.page.wait_for_function(
        "async () => (await (await fetch('/api/uploads')).json()).items.length === 0",
        timeout=60_000,
    )
