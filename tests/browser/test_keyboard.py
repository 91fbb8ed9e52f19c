"""Everything without a mouse, and everything with a name."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.audio import decoded_seconds
from tests.browser.app import App, saved
from tests.browser.scene import everything_at_once

pytestmark = [pytest.mark.browser, pytest.mark.stack]

NAMED = {"button", "link", "combobox", "textbox", "progressbar", "listitem", "list", "form", "region", "checkbox", "slider"}


def tab_to(app: App, target: Locator) -> None:
    """Presses Tab until the target has the focus; not for ever."""
    expect(target).to_be_visible()
    for _ in range(40):
        app.page.keyboard.press("Tab")
        if target.evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {target}")


def test_a_song_is_chosen_converted_and_downloaded_by_keyboard_alone(app: App, short_song: Path, tmp_path: Path) -> None:
    keyboard = app.page.keyboard
    # Asked for early: Chromium begins to hand choosers over some time after it was asked to, and Enter would be faster.
    app.page.on("filechooser", lambda _chooser: None)
    tab_to(app, app.page.get_by_role("button", name="Choose files"))
    with app.page.expect_file_chooser() as asked:
        keyboard.press("Enter")
    asked.value.set_files(short_song)
    row = app.row("short.wav")
    tab_to(app, row.at.get_by_test_id("format-select"))
    keyboard.type("FLAC")
    tab_to(app, row.button("convert"))
    keyboard.press("Enter")
    row.is_done("FLAC")
    tab_to(app, row.at.get_by_test_id("download-link"))
    with app.page.expect_download() as coming:
        keyboard.press("Enter")

    assert decoded_seconds(saved(coming.value, tmp_path)) == pytest.approx(3, abs=0.05)


def test_focus_is_seen(app: App) -> None:
    picker = app.page.get_by_role("button", name="Choose files")
    tab_to(app, picker)

    outline = picker.evaluate("(element) => [getComputedStyle(element).outlineStyle, parseFloat(getComputedStyle(element).outlineWidth)]")
    assert outline[0] == "solid"
    assert outline[1] >= 2


def test_every_control_has_a_name_and_every_bar_speaks(app: App, short_song: Path, long_song: Path, words: Path) -> None:
    everything_at_once(app, short_song, long_song, words)

    nodes = app.cdp.send("Accessibility.getFullAXTree")["nodes"]
    named = [(node["role"]["value"], node["name"]["value"]) for node in nodes if not node["ignored"] and node["role"]["value"] in NAMED]
    assert {"button", "link", "combobox", "progressbar"} <= {role for role, _ in named}
    assert [role for role, name in named if not name.strip() and role != "listitem"] == []
    bars = app.page.get_by_role("progressbar").all()
    spoken = [bar.get_attribute("aria-valuetext") for bar in bars]
    assert len(spoken) >= 4
    assert all(spoken), spoken


def test_a_screen_reader_is_told_when_the_result_is_there(app: App, short_song: Path) -> None:
    app.pick(short_song)
    app.row("short.wav").convert("MP3")

    expect(app.page.get_by_role("status").filter(has_text="short.wav: the MP3 is ready to download.")).to_have_count(1)
