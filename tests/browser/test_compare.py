"""Test that a user hears a source and its result at the same position."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.app import App, Row
from tests.browser.axe import findings

pytestmark = [pytest.mark.browser, pytest.mark.stack]

HEARD = """() => {
    const players = [...document.querySelectorAll('.comparison audio')];
    return {
        heard: players.filter(({ muted, paused }) => !muted && !paused)
            .map(({ dataset }) => dataset.side),
        times: Object.fromEntries(players.map(({ dataset, currentTime }) =>
            [dataset.side, currentTime])),
    };
}"""
IS_HEARD = "(side) => document.querySelector(`audio[data-side=${side}]`).muted === false"


def compare(app: App, row: Row) -> Locator:
    row.button("compare").click()
    comparison = row.locator.get_by_test_id("comparison")
    expect(comparison.locator(".bars--result .bars__peaks")).to_be_attached()
    return comparison


def test_switching_between_source_and_result_keeps_the_position(app: App, short_song: Path) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.locator.locator(".edits summary").click()
    row.locator.get_by_test_id("option-start").fill("0.5")
    row.convert("MP3")
    row.expect_done("MP3")
    comparison = compare(app, row)
    expect(comparison.locator(".bars--source .bars__peaks")).to_be_attached()
    expect(comparison.get_by_text("LUFS")).to_have_count(2)
    assert findings(app.page) == []

    comparison.get_by_test_id("play-comparison").click()
    app.page.wait_for_function(
        "() => document.querySelector('.comparison audio').currentTime > 0.9"
    )
    assert app.page.evaluate(HEARD)["heard"] == ["source"]
    comparison.get_by_test_id("hear-result").check()

    app.page.wait_for_function(IS_HEARD, arg="result")
    now = app.page.evaluate(HEARD)
    assert now["heard"] == ["result"]
    assert now["times"]["source"] - now["times"]["result"] == pytest.approx(0.5, abs=0.15)
    assert now["times"]["result"] > 0.4
    comparison.get_by_test_id("play-comparison").click()
    comparison.get_by_test_id("slider-position").press("Home")
    comparison.get_by_test_id("slider-position").press("Shift+ArrowRight")
    comparison.get_by_test_id("hear-source").check()
    assert app.page.evaluate(HEARD)["times"] == pytest.approx(
        {"source": 1.5, "result": 1}, abs=0.01
    )

    app.page.keyboard.press("Escape")
    expect(comparison).to_have_count(0)
    expect(row.button("compare")).to_be_focused()


def test_only_the_result_is_played_when_the_source_is_gone(app: App, short_song: Path) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.convert("OGG")
    row.expect_done("OGG")
    app.reload()

    comparison = compare(app, row)

    expect(comparison.get_by_test_id("waveform-note")).to_contain_text("no longer has the source")
    expect(comparison.get_by_test_id("hear-source")).to_be_disabled()
    expect(comparison.get_by_test_id("hear-result")).to_be_checked()
    comparison.get_by_test_id("play-comparison").click()
    app.page.wait_for_function(
        "() => document.querySelector('.comparison audio[src]').currentTime > 0"
    )
    assert app.page.evaluate(HEARD)["heard"] == ["result"]
    assert findings(app.page) == []


def test_a_format_that_the_browser_cannot_play_says_so(app: App, short_song: Path) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.convert("WMA")
    row.expect_done("WMA")
    row.button("compare").click()
    comparison = row.locator.get_by_test_id("comparison")

    expect(comparison.get_by_test_id("waveform-note")).to_contain_text("cannot play this format")
    expect(comparison.get_by_test_id("hear-result")).to_be_disabled()
    expect(comparison.get_by_test_id("hear-source")).to_be_checked()
