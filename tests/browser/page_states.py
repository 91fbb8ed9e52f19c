"""Bring the page into a state that shows all kinds of rows."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.app import MEGABYTE, App

LONG_NAME = (
    "A very long file name, recorded_without_any_space_where_a_line_could_break (final, really).wav"
)


def show_all_states(app: App, song: Path, long_song: Path, text_file: Path) -> None:
    """Show a completed, a failed and an uploading file with a long name, and two drafts."""
    app.choose_files(song)
    app.row(song.name).convert("MP3")
    app.choose_files(text_file)
    app.row(text_file.name).convert("WAV")
    app.row(song.name).expect_done("MP3")
    expect(app.row(text_file.name).status).to_have_text("Failed")
    renamed = long_song.with_name(LONG_NAME)
    if not renamed.exists():
        renamed.hardlink_to(long_song)
    app.throttle(upload=MEGABYTE / 2)
    app.choose_files(renamed)
    app.row(LONG_NAME).convert("OPUS")
    expect(app.row(LONG_NAME).upload_bar).not_to_have_attribute("aria-valuenow", "0")
    app.choose_files(song, text_file)
    expect(app.page.get_by_test_id("convert-all")).to_be_visible()
