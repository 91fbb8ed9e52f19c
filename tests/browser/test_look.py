"""Light and dark, a phone's width, nothing in the way of anything."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.app import App
from tests.browser.measures import OUTSIDE, OVERLAPS, PALE, TEXTS
from tests.browser.scene import everything_at_once

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_on_a_phone_nothing_needs_scrolling_sideways_and_nothing_overlaps(
    person: Callable[..., App], short_song: Path, long_song: Path, words: Path
) -> None:
    app = person(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True).open()
    assert app.page.evaluate(OUTSIDE) == []
    assert app.page.evaluate(OVERLAPS) == []

    everything_at_once(app, short_song, long_song, words)

    assert app.page.evaluate("document.documentElement.scrollWidth") == 360
    assert app.page.evaluate(OUTSIDE) == []
    assert app.page.evaluate(OVERLAPS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_easy_to_read(person: Callable[..., App], short_song: Path, long_song: Path, words: Path, scheme: str) -> None:
    app = person(color_scheme=scheme).open()
    assert app.page.evaluate(PALE) == []

    everything_at_once(app, short_song, long_song, words)

    assert app.page.evaluate(TEXTS) > 40
    assert app.page.evaluate(PALE) == []


def test_chosen_colours_stay_after_a_reload(person: Callable[..., App]) -> None:
    app = person(color_scheme="light").open()
    ground = "getComputedStyle(document.body).backgroundColor"
    light = app.page.evaluate(ground)

    app.page.get_by_role("button", name="Switch to dark colours").click()

    dark = app.page.evaluate(ground)
    assert dark != light
    app.reload()
    assert app.page.evaluate(ground) == dark
    expect(app.page.get_by_role("button", name="Switch to light colours")).to_be_visible()
