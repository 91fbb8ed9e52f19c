"""Test that uploads, conversions and drafts continue after a reload or a pause."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.app import MEGABYTE, App

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SOME_CHUNKS = re.compile(r"^[1-6] of 7 chunks")


def test_an_upload_resumes_after_a_reload_and_sends_no_part_twice(
    app: App, long_song: Path
) -> None:
    app.throttle(upload=5 * MEGABYTE)
    app.choose_files(long_song)
    app.row("long.wav").convert("MP3")
    expect(app.row("long.wav").chunks).to_have_text(SOME_CHUNKS)

    app.reload()

    app.throttle()
    app.row("long.wav").expect_done("MP3")
    parts = app.monitor.parts_sent_to_s3()
    assert sorted(parts) == sorted(set(parts))
    expect(app.rows).to_have_count(1)
    expect(app.row("long.wav").status).to_have_count(1)


def test_a_conversion_is_shown_again_after_a_reload(app: App, long_song: Path) -> None:
    app.choose_files(long_song)
    app.row("long.wav").convert("OGG", bitrate="variable", quality="10")
    row = app.row("long.wav")
    bar = row.conversion("OGG").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
    percent_before = app.progress_values(bar)[-1]
    puts_before = len(app.monitor.puts())

    app.reload()

    row.expect_done("OGG")
    assert app.progress_values(bar)[0] >= percent_before
    assert len(app.monitor.puts()) == puts_before
    expect(row.status).to_have_count(1)


def test_a_draft_is_restored_after_a_reload(app: App, short_song: Path) -> None:
    app.choose_files(short_song)
    app.row("short.wav").choose_format("FLAC")
    app.page.evaluate(WAIT_FOR_STORED_FILE)

    app.reload()

    row = app.row("short.wav")
    expect(row.locator.get_by_test_id("format-select")).to_have_value("flac")
    row.button("convert").click()
    row.expect_done("FLAC")


def test_a_paused_upload_waits_until_it_is_resumed(app: App, long_song: Path) -> None:
    app.throttle(upload=5 * MEGABYTE)
    app.choose_files(long_song)
    row = app.row("long.wav")
    row.convert("MP3")
    expect(row.chunks).to_have_text(SOME_CHUNKS)

    row.button("pause").click()

    expect(row.locator.get_by_text("Paused")).to_be_visible()
    app.throttle()
    row.button("resume").click()
    row.expect_done("MP3")


WAIT_FOR_STORED_FILE = """() => new Promise((resolve, reject) => {
    const check = () => {
        const request = indexedDB.open('tinypixo');
        request.onerror = reject;
        request.onsuccess = () => {
            const database = request.result;
            const count = database.transaction('files').objectStore('files').count();
            count.onsuccess = () => {
                database.close();
                if (count.result) resolve();
                else requestAnimationFrame(check);
            };
        };
    };
    check();
})"""
