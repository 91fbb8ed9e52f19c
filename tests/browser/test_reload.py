"""A reload loses nothing, whenever it comes."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.app import MEGABYTE, App

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SOME_CHUNKS = re.compile(r"^[1-6] of 7 chunks")


def test_an_upload_goes_on_after_a_reload_and_sends_no_chunk_twice(app: App, long_song: Path) -> None:
    app.throttle(upload=5 * MEGABYTE)
    app.pick(long_song)
    app.row("long.wav").convert("MP3")
    expect(app.row("long.wav").chunks).to_have_text(SOME_CHUNKS)

    app.reload()

    app.throttle()
    app.row("long.wav").is_done("MP3")
    stored = app.watch.parts_stored()
    assert sorted(stored) == sorted(set(stored))
    expect(app.rows).to_have_count(1)
    expect(app.row("long.wav").status).to_have_count(1)


def test_a_conversion_is_watched_on_after_a_reload(app: App, long_song: Path) -> None:
    app.pick(long_song)
    app.row("long.wav").convert("OGG", bitrate="variable", quality="10")
    row = app.row("long.wav")
    bar = row.conversion("OGG").get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d?$"))
    before = app.values(bar)[-1]
    sent = len(app.watch.puts())

    app.reload()

    row.is_done("OGG")
    assert app.values(bar)[0] >= before
    assert len(app.watch.puts()) == sent
    expect(row.status).to_have_count(1)


def test_a_file_that_was_only_chosen_is_still_there_after_a_reload(app: App, short_song: Path) -> None:
    app.pick(short_song)
    app.row("short.wav").choose("FLAC")
    # The page has noted the file when it is in the browser's own database.
    app.page.evaluate(HAS_KEPT_A_FILE)

    app.reload()

    expect(app.row("short.wav").at.get_by_test_id("format-select")).to_have_value("flac")
    app.row("short.wav").button("convert").click()
    app.row("short.wav").is_done("FLAC")


def test_a_paused_upload_waits_until_it_is_resumed(app: App, long_song: Path) -> None:
    app.throttle(upload=5 * MEGABYTE)
    app.pick(long_song)
    row = app.row("long.wav")
    row.convert("MP3")
    expect(row.chunks).to_have_text(SOME_CHUNKS)

    row.button("pause").click()

    expect(row.at.get_by_text("Paused")).to_be_visible()
    app.throttle()
    row.button("resume").click()
    row.is_done("MP3")


HAS_KEPT_A_FILE = """() => new Promise((resolve, reject) => {
    const look = () => {
        const opening = indexedDB.open('tinypixo', 1);
        opening.onerror = reject;
        opening.onsuccess = () => {
            const count = opening.result.transaction('files').objectStore('files').count();
            count.onsuccess = () => (opening.result.close(), count.result ? resolve() : requestAnimationFrame(look));
        };
    };
    look();
})"""
