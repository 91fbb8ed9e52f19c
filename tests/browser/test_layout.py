"""Test the layout on a phone, and the contrast of the light and the dark theme."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.app import App
from tests.browser.layout_checks import (
    CONTROLS_OUT_OF_REACH,
    COUNT_TEXTS,
    ELEMENTS_OUTSIDE_WINDOW,
    LOW_CONTRAST_TEXTS,
    OVERLAPPING_ELEMENTS,
)
from tests.browser.page_states import show_all_states

pytestmark = [pytest.mark.browser, pytest.mark.stack]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def test_the_page_fits_a_phone_and_nothing_overlaps(
    new_user: Callable[..., App], short_song: Path, long_song: Path, text_file: Path
) -> None:
    app = new_user(**PHONE).open()
    assert app.page.evaluate(ELEMENTS_OUTSIDE_WINDOW) == []
    assert app.page.evaluate(OVERLAPPING_ELEMENTS) == []

    show_all_states(app, short_song, long_song, text_file)

    assert app.page.evaluate("document.documentElement.scrollWidth") == 360
    assert app.page.evaluate(ELEMENTS_OUTSIDE_WINDOW) == []
    assert app.page.evaluate(OVERLAPPING_ELEMENTS) == []


SIZES = {
    "zoom of 400 % on 1280 × 1024": (320, 256),
    "small phone": (320, 640),
    "tablet": (768, 1024),
    "4K": (3840, 2160),
}


def test_every_control_can_be_reached_at_every_size(
    app: App, short_song: Path, long_song: Path, text_file: Path
) -> None:
    def check(state: str) -> None:
        for name, (width, height) in SIZES.items():
            app.page.set_viewport_size({"width": width, "height": height})
            # The last position: what is at the bottom of the window covers nothing there.
            app.page.evaluate("scrollTo(0, document.body.scrollHeight)")
            for script in (OVERLAPPING_ELEMENTS, ELEMENTS_OUTSIDE_WINDOW, CONTROLS_OUT_OF_REACH):
                assert app.page.evaluate(script) == [], f"{state} at {name}"
            root = "document.documentElement.scrollWidth"
            assert app.page.evaluate(root) <= width, f"{state} at {name}"

    check("empty")
    show_all_states(app, short_song, long_song, text_file)
    check("all kinds of rows")
    app.page.locator("summary").evaluate_all("(all) => all.forEach((each) => each.click())")
    done = app.row(short_song.name).locator.filter(has=app.page.get_by_test_id("compare-button"))
    done.get_by_test_id("compare-button").click()
    expect(done.get_by_test_id("comparison").locator(".bars__peaks")).to_have_count(2)
    check("everything opened")
    done.get_by_test_id("delete-button").click()
    expect(app.page.get_by_test_id("undo-bar")).to_be_visible()
    check("a removed file")


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(
    new_user: Callable[..., App],
    short_song: Path,
    long_song: Path,
    text_file: Path,
    color_scheme: str,
) -> None:
    app = new_user(color_scheme=color_scheme).open()
    assert app.page.evaluate(LOW_CONTRAST_TEXTS) == []

    show_all_states(app, short_song, long_song, text_file)

    assert app.page.evaluate(COUNT_TEXTS) > 40
    assert app.page.evaluate(LOW_CONTRAST_TEXTS) == []


def test_the_chosen_theme_is_kept_after_a_reload(new_user: Callable[..., App]) -> None:
    app = new_user(color_scheme="light").open()
    background = "getComputedStyle(document.body).backgroundColor"
    light = app.page.evaluate(background)

    app.page.get_by_role("button", name="Switch to dark colours").click()

    dark = app.page.evaluate(background)
    assert dark != light
    app.reload()
    assert app.page.evaluate(background) == dark
    expect(app.page.get_by_role("button", name="Switch to light colours")).to_be_visible()
