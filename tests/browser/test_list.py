"""What can be done with one file, and with many; whose they are."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.audio import song
from tests.browser.app import MEGABYTE, App, Row
from tests.browser.watch import NETWORK

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_three_files_at_once_become_three_formats(app: App, music: Path, tmp_path: Path) -> None:
    wishes = {"one.wav": "MP3", "two.wav": "OPUS", "three.wav": "FLAC"}
    app.drop(*(song(tmp_path, 4, name) for name in wishes))
    for name, format_name in wishes.items():
        app.row(name).choose(format_name)

    app.page.get_by_test_id("convert-all").click()

    for name, format_name in wishes.items():
        app.row(name).is_done(format_name)
        assert app.row(name).download(tmp_path, format_name).name == f"{Path(name).stem}.{format_name.lower()}"


def try_again(row: Row) -> None:
    """Until the new try is there and the old one is gone."""
    with row.page.expect_response(lambda response: response.request.method == "DELETE"):
        row.button("retry").click()
    expect(row.status).to_have_count(1)


def test_words_named_like_a_song_fail_in_words_and_can_be_tried_again(app: App, words: Path) -> None:
    app.pick(words)
    row = app.row("song.mp3")
    row.convert("WAV")

    expect(row.status).to_have_text("Failed")
    said = row.at.get_by_test_id("error-message").inner_text()
    assert len(said.split()) > 4, said
    assert "ffmpeg" not in said.lower(), said
    assert "_" not in said, said
    try_again(row)
    expect(row.status).to_have_text("Failed")
    expect(row.button("again")).to_be_visible()


def test_two_people_see_only_their_own(person: Callable[..., App], short_song: Path, words: Path) -> None:
    anna, ben = person().open(), person().open()
    anna.pick(short_song)
    anna.row("short.wav").convert("MP3")
    ben.pick(words)
    ben.row("song.mp3").convert("OGG")
    anna.row("short.wav").is_done("MP3")
    expect(ben.row("song.mp3").status).to_have_text("Failed")

    for app, own in ((anna, "short.wav"), (ben, "song.mp3")):
        app.reload()
        expect(app.row(own).at).to_be_visible()
        expect(app.rows).to_have_count(1)


def test_a_file_that_has_arrived_becomes_another_format_without_being_sent_again(app: App, short_song: Path) -> None:
    app.pick(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.is_done("MP3")
    sent = len(app.watch.puts())

    row.button("again").click()
    row.convert("FLAC", bit_depth="24")

    row.is_done("MP3", "FLAC")
    assert len(app.watch.puts()) == sent


def test_what_was_deleted_is_gone_here_there_and_after_a_reload(app: App, short_song: Path) -> None:
    app.pick(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.is_done("MP3")
    link = row.at.get_by_test_id("download-link").get_attribute("href")

    row.button("delete").click()

    expect(app.rows).to_have_count(0)
    app.reload()
    expect(app.page.get_by_role("heading", level=1)).to_be_visible()
    expect(app.rows).to_have_count(0)
    assert app.page.request.get(f"{app.url}{link}").status in (404, 410)


def test_a_cancelled_conversion_ends_at_once_and_can_be_tried_again(app: App, long_song: Path) -> None:
    app.pick(long_song)
    row = app.row("long.wav")
    row.convert("OGG", bitrate="variable", quality="10")
    expect(row.status).to_have_text("Converting")

    row.conversion("OGG").get_by_test_id("cancel-button").click()

    expect(row.status).to_have_text("Cancelled", timeout=10_000)
    try_again(row)
    row.is_done("OGG")


def test_a_cancelled_upload_leaves_nothing(app: App, long_song: Path) -> None:
    app.watch.expect_errors(NETWORK)  # a chunk that was on its way is refused, or cut off
    app.throttle(upload=2 * MEGABYTE)
    app.pick(long_song)
    row = app.row("long.wav")
    row.convert("MP3")
    expect(row.upload_bar).not_to_have_attribute("aria-valuenow", "0")

    row.button("cancel").click()

    expect(app.rows).to_have_count(0)
    assert app.page.request.get(f"{app.url}/api/uploads").json()["items"] == []
