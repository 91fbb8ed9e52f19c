"""Test that the page speaks German to Germans, and lets everybody choose."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.app import App
from tests.browser.axe import findings
from tests.browser.layout_checks import ELEMENTS_OUTSIDE_WINDOW, OVERLAPPING_ELEMENTS

pytestmark = [pytest.mark.browser, pytest.mark.stack]

NARROW = {"viewport": {"width": 320, "height": 640}, "locale": "de-DE"}


def test_a_german_browser_gets_german_and_errors_by_their_codes(
    new_user: Callable[..., App], short_song: Path, text_file: Path
) -> None:
    app = new_user(**NARROW).open()
    expect(app.page.locator("html")).to_have_attribute("lang", "de")
    expect(app.page.get_by_role("button", name="Dateien wählen", exact=True)).to_be_visible()
    app.choose_files(text_file)
    app.row("song.mp3").convert("FLAC")
    expect(app.row("song.mp3").status).to_have_text("Fehlgeschlagen")
    expect(app.row("song.mp3").locator.get_by_test_id("error-message")).to_contain_text(
        "weder Audio noch Video"
    )
    app.choose_files(short_song)
    app.row("short.wav").convert("MP3")
    expect(app.row("short.wav").status).to_have_text("Fertig")
    assert findings(app.page) == []
    assert app.page.evaluate(ELEMENTS_OUTSIDE_WINDOW) == []
    assert app.page.evaluate(OVERLAPPING_ELEMENTS) == []


def test_the_chosen_language_changes_the_page_at_once_and_is_kept(
    app: App, short_song: Path
) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    expect(row.button("convert")).to_have_text("Convert")

    select = app.page.get_by_test_id("language-select")
    select.focus()
    select.select_option("de")

    expect(row.button("convert")).to_have_text("Umwandeln")
    expect(select).to_be_focused()
    app.reload()
    expect(row.button("convert")).to_have_text("Umwandeln")
