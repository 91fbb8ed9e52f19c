"""Test that a user sees the sound of a file, cuts it by dragging, and hears what is kept."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.audio import decoded_seconds, run_ffmpeg
from tests.browser.app import App, Row
from tests.browser.axe import findings
from tests.browser.monitor import NETWORK_ERROR

pytestmark = [pytest.mark.browser, pytest.mark.stack]

LITTLE_MEMORY = "Object.defineProperty(navigator, 'deviceMemory', { value: 0.01 })"
"""Let Chromium tell that it has 10 MB, with which three seconds of sound are too long."""


def open_trimmer(app: App, *files: Path) -> Row:
    app.choose_files(*files)
    row = app.row(files[0].name)
    row.locator.locator(".edits summary").click()
    return row


def handle(row: Row, name: str) -> Locator:
    return row.locator.get_by_test_id(f"slider-{name}")


def drag(app: App, row: Row, name: str, share: float) -> None:
    """Drag a handle by a share of the width of the track."""
    expect(row.locator.locator(".bars__peaks").first).to_be_attached()
    box = handle(row, name).bounding_box()
    track = row.locator.get_by_test_id("track").bounding_box()
    assert box
    assert track
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    app.page.mouse.move(x, y)
    app.page.mouse.down()
    app.page.mouse.move(x + share * track["width"] / 2, y, steps=3)
    app.page.mouse.move(x + share * track["width"], y, steps=3)
    app.page.mouse.up()


def requested_options(app: App) -> dict[str, object]:
    conversions = app.page.request.get(f"{app.url}/api/conversions").json()["items"]
    assert len(conversions) == 1
    options: dict[str, object] = conversions[0]["options"]
    return options


def test_dragged_handles_cut_the_result(app: App, short_song: Path, tmp_path: Path) -> None:
    row = open_trimmer(app, short_song)
    row.choose_format("FLAC")

    drag(app, row, "start", 1 / 3)
    drag(app, row, "fadeIn", 1 / 6)
    row.button("convert").click()

    row.expect_done("FLAC")
    options = requested_options(app)
    assert options["start"] == pytest.approx(1, abs=0.02)
    assert options["fade_in"] == pytest.approx(0.5, abs=0.02)
    assert "end" not in options
    length = decoded_seconds(row.download(tmp_path, "FLAC"))
    assert length == pytest.approx(3 - float(str(options["start"])), abs=0.03)


def test_handles_are_moved_by_keyboard_and_by_the_fields(app: App, short_song: Path) -> None:
    row = open_trimmer(app, short_song)
    end = handle(row, "end")
    end.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Shift+ArrowLeft"):
        app.page.keyboard.press(key)

    expect(row.locator.get_by_test_id("option-end")).to_have_value("1.8")
    expect(end).to_have_attribute("aria-valuetext", "1.8 seconds")
    row.locator.get_by_test_id("option-start").press_sequentially("1.05")
    expect(handle(row, "start")).to_have_attribute("aria-valuenow", "1.05")
    expect(handle(row, "start")).to_have_accessible_name("Start of short.wav")
    app.page.keyboard.press("Escape")
    expect(row.locator.get_by_test_id("track")).to_have_count(0)
    expect(row.locator.locator(".edits summary")).to_be_focused()


def test_handles_are_dragged_by_touch_and_named_in_german(
    new_user: Callable[..., App], short_song: Path
) -> None:
    phone = {"width": 320, "height": 700}
    app = new_user(viewport=phone, has_touch=True, is_mobile=True, locale="de-DE").open()
    row = open_trimmer(app, short_song)
    end = handle(row, "end")
    expect(row.locator.locator(".bars__peaks").first).to_be_attached()
    end.scroll_into_view_if_needed()
    box = end.bounding_box()
    track = row.locator.get_by_test_id("track").bounding_box()
    assert box
    assert track
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    app.cdp.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    for share in (0.1, 1 / 3):
        moved = {**point, "x": point["x"] - share * track["width"]}
        app.cdp.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [moved]})
    app.cdp.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    seconds = float(end.get_attribute("aria-valuenow") or 0)
    assert seconds == pytest.approx(2, abs=0.05)
    expect(end).to_have_accessible_name("Ende von short.wav")
    expect(end).to_have_attribute("aria-valuetext", f"{seconds:g} Sekunden".replace(".", ","))
    assert app.page.evaluate("document.documentElement.scrollWidth") == 320
    assert findings(app.page) == []


@pytest.mark.parametrize("file", ["Edits-*.js", "waveform-*.css"])
def test_a_waveform_that_cannot_be_loaded_says_so_and_is_loaded_later(
    app: App, short_song: Path, file: str
) -> None:
    app.monitor.allow_errors(NETWORK_ERROR)
    app.choose_files(short_song)
    row = app.row("short.wav")
    expect(row.upload_bar).to_have_attribute("aria-valuenow", "100")
    summary = row.locator.locator(".edits summary")
    app.page.route(f"**/assets/{file}", lambda route: route.abort())
    summary.click()
    expect(row.locator.get_by_test_id("error-message")).to_contain_text("Check your connection")

    app.page.unroute(f"**/assets/{file}")
    summary.click()
    summary.click()

    expect(handle(row, "start")).to_be_visible()
    expect(row.locator.get_by_test_id("error-message")).to_have_count(0)


def test_the_selection_is_played_with_its_fades(app: App, short_song: Path) -> None:
    row = open_trimmer(app, short_song)
    row.locator.get_by_test_id("option-start").fill("1")
    row.locator.get_by_test_id("option-fade_in").fill("1.9")
    play = row.locator.get_by_test_id("play-selection")
    expect(play).to_have_accessible_name("Play selection of short.wav")
    position = handle(row, "position")
    expect(position).to_have_attribute("aria-valuenow", "1")

    play.click()

    app.page.wait_for_function(
        """() => {
            const player = document.querySelector('.trimmer audio');
            const { currentTime, volume, paused } = player;
            const expected = (currentTime - 1) / 1.9;
            return !paused && currentTime > 1.2 && Math.abs(volume - expected) < 0.1;
        }"""
    )
    expect(play).to_have_accessible_name("Stop short.wav")
    play.click()
    expect(play).to_have_accessible_name("Play selection of short.wav")
    assert float(position.get_attribute("aria-valuenow") or 0) > 1.1


def test_files_without_a_waveform_say_so_and_keep_their_times(
    new_user: Callable[..., App], text_file: Path, tmp_path: Path
) -> None:
    long = tmp_path / "long.flac"
    run_ffmpeg("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=60", str(long))
    app = new_user()
    app.page.add_init_script(LITTLE_MEMORY)
    row = open_trimmer(app.open(), long, text_file)
    expect(row.locator.get_by_test_id("waveform-note")).to_contain_text("too long to draw")
    handle(row, "start").press("PageUp")
    expect(row.locator.get_by_test_id("option-start")).to_have_value("10")

    broken = app.row(text_file.name)
    broken.locator.locator(".edits summary").click()
    note = broken.locator.get_by_test_id("waveform-note")
    expect(note).to_contain_text("cannot read the sound of this file")
    expect(broken.locator.get_by_role("slider")).to_have_count(0)
    broken.locator.get_by_test_id("option-start").fill("0.5")
    expect(broken.locator.get_by_test_id("option-start")).to_have_value("0.5")
    assert findings(app.page) == []


@pytest.mark.parametrize("suffix", ["mp3", "wav"])
def test_long_files_of_common_formats_are_drawn_in_segments(
    new_user: Callable[..., App], tmp_path: Path, suffix: str
) -> None:
    """Draw 220 s, of which the last 20 are loud, although only 3 s fit into the memory."""
    path = tmp_path / f"long.{suffix}"
    late = "aevalsrc='0.8*sin(2*PI*440*t)*gte(t,200)':s=16000:d=220"
    run_ffmpeg("-f", "lavfi", "-i", late, "-b:a", "32k", str(path))
    app = new_user()
    app.page.add_init_script(LITTLE_MEMORY)
    row = open_trimmer(app.open(), path)

    levels = row.locator.locator(".bars--source .bars__levels")
    expect(levels).to_have_attribute("d", re.compile("M"))
    shape = levels.get_attribute("d") or ""

    bars = [(float(x), float(size)) for x, size in re.findall(r"M(\d+) .*?v([\d.]+)", shape)]
    loud = [x for x, size in bars if size > 40]
    assert min(loud) / max(loud) == pytest.approx(200 / 220, abs=0.01)
    assert len(loud) == pytest.approx(len(bars) / 11, abs=2)
    expect(row.locator.get_by_test_id("waveform-note")).to_have_count(0)
