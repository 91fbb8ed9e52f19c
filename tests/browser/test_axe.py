"""Test that axe-core finds nothing in any state of the page, in light, dark and forced colours."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.app import MEGABYTE, App
from tests.browser.axe import findings
from tests.browser.monitor import NETWORK_ERROR

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_axe_finds_nothing_from_the_empty_page_to_the_result(app: App, long_song: Path) -> None:
    assert findings(app.page) == []
    app.choose_files(long_song)
    row = app.row("long.wav")
    row.locator.get_by_text("Trim, fades and loudness").click()
    assert findings(app.page) == []

    app.throttle(upload=MEGABYTE)
    row.convert("OGG", bitrate="variable", quality="10")
    expect(row.upload_bar).not_to_have_attribute("aria-valuenow", "0")
    assert findings(app.page) == []

    app.throttle()
    expect(row.status).to_have_text("Converting")
    assert findings(app.page) == []

    row.expect_done("OGG")
    row.locator.get_by_test_id("details").locator("summary").click()
    expect(row.locator.get_by_test_id("details")).to_contain_text("SHA-256")
    row.button("convert-again").click()
    assert findings(app.page) == []


def test_axe_finds_nothing_in_lists_failures_and_offline(
    app: App, short_song: Path, text_file: Path, tmp_path: Path
) -> None:
    app.monitor.allow_errors(NETWORK_ERROR)
    cover = tmp_path / "cover.jpg"
    cover.write_bytes(b"no sound")
    app.choose_files(text_file)
    app.row("song.mp3").convert("WAV")
    expect(app.row("song.mp3").status).to_have_text("Failed")
    app.choose_files(*[short_song] * 9, cover)
    expect(app.page.get_by_test_id("set-aside")).to_be_visible()
    assert findings(app.page) == []

    app.page.get_by_test_id("convert-all").click()
    expect(app.page.get_by_test_id("list-toolbar")).to_contain_text(re.compile("9 of 10 done"))
    assert findings(app.page) == []

    app.throttle(offline=True)
    expect(app.connection).to_have_text("Offline")
    assert findings(app.page) == []
