"""Test the page with the keyboard alone, and what it tells a screen reader."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.audio import decoded_seconds
from tests.browser.app import App, save_download
from tests.browser.page_states import show_all_states

pytestmark = [pytest.mark.browser, pytest.mark.stack]

ROLES_WITH_NAME = {
    "button",
    "link",
    "combobox",
    "textbox",
    "progressbar",
    "list",
    "group",
    "region",
    "checkbox",
    "slider",
}
MAX_TABS = 40


def tab_to(app: App, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    expect(target).to_be_visible()
    for _ in range(MAX_TABS):
        app.page.keyboard.press("Tab")
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {target}")


def test_a_song_is_converted_and_downloaded_by_keyboard_alone(
    app: App, short_song: Path, tmp_path: Path
) -> None:
    keyboard = app.page.keyboard
    # Chromium needs some time before it passes file choosers to Playwright. This listener makes
    # it start before Enter is pressed.
    app.page.on("filechooser", lambda _chooser: None)
    tab_to(app, app.page.get_by_role("button", name="Choose files"))
    with app.page.expect_file_chooser() as chooser:
        keyboard.press("Enter")
    chooser.value.set_files(short_song)
    row = app.row("short.wav")
    tab_to(app, row.locator.get_by_test_id("format-select"))
    keyboard.type("FLAC")
    tab_to(app, row.button("convert"))
    keyboard.press("Enter")
    row.expect_done("FLAC")
    tab_to(app, row.locator.get_by_test_id("download-link"))
    with app.page.expect_download() as download:
        keyboard.press("Enter")

    path = save_download(download.value, tmp_path)
    assert decoded_seconds(path) == pytest.approx(3, abs=0.05)


def test_the_focus_is_visible(app: App) -> None:
    picker = app.page.get_by_role("button", name="Choose files")
    tab_to(app, picker)

    style, width = picker.evaluate(
        """(element) => {
            const { outlineStyle, outlineWidth } = getComputedStyle(element);
            return [outlineStyle, parseFloat(outlineWidth)];
        }"""
    )
    assert style == "solid"
    assert width >= 2


def test_every_control_has_a_name_and_every_progress_bar_a_text(
    app: App, short_song: Path, long_song: Path, text_file: Path
) -> None:
    show_all_states(app, short_song, long_song, text_file)

    nodes = app.cdp.send("Accessibility.getFullAXTree")["nodes"]
    exposed = [node for node in nodes if not node["ignored"]]
    names = [(node["role"]["value"], node["name"]["value"].strip()) for node in exposed]
    roles = {role for role, _ in names}
    assert {"button", "link", "combobox", "progressbar"} <= roles
    assert [role for role, name in names if role in ROLES_WITH_NAME and not name] == []
    bars = app.page.get_by_role("progressbar").all()
    texts = [bar.get_attribute("aria-valuetext") for bar in bars]
    assert len(texts) >= 4
    assert all(texts), texts


def test_a_completed_conversion_is_announced_to_screen_readers(app: App, short_song: Path) -> None:
    app.choose_files(short_song)
    app.row("short.wav").convert("MP3")

    announcement = "short.wav: the MP3 is ready to download."
    expect(app.page.get_by_role("status").filter(has_text=announcement)).to_have_count(1)


def test_escape_closes_what_was_opened_and_keeps_the_focus(app: App, short_song: Path) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.expect_done("MP3")
    keyboard = app.page.keyboard
    row.button("convert-again").click()
    expect(row.locator.get_by_test_id("format-select")).to_be_focused()
    keyboard.press("Escape")
    expect(row.button("convert-again")).to_be_focused()

    details = row.locator.get_by_test_id("details")
    details.locator("summary").focus()
    keyboard.press("Enter")
    expect(details).to_have_attribute("open", "")
    keyboard.press("Escape")
    expect(details).not_to_have_attribute("open", "")
    expect(details.locator("summary")).to_be_focused()

    delete = app.page.get_by_test_id("delete-everything")
    delete.focus()
    keyboard.press("Enter")
    expect(delete).to_contain_text("Really delete")
    keyboard.press("Escape")
    expect(delete).not_to_contain_text("Really delete")
