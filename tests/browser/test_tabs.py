"""Test many tabs of one browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Request, expect

from tests.browser.app import App

pytestmark = [pytest.mark.browser, pytest.mark.stack]

# Browsers open six HTTP/1.1 connections to a host.
TABS = 7


def test_the_seventh_tab_works_and_all_share_one_event_stream(app: App, short_song: Path) -> None:
    streams: list[Request] = []
    app.page.context.on(
        "request",
        lambda request: streams.append(request) if request.url.endswith("/events") else None,
    )
    tabs = [App(app.page.context.new_page(), app.url).open() for _ in range(TABS - 1)]
    last = tabs[-1]

    last.choose_files(short_song)
    last.row("short.wav").convert("MP3")

    last.row("short.wav").expect_done("MP3")
    app.row("short.wav").expect_done("MP3")
    assert streams == []
    app.page.close()
    tabs[0].row("short.wav").button("convert-again").click()
    tabs[0].row("short.wav").convert("FLAC")
    last.row("short.wav").expect_done("FLAC")
    expect(last.connection).to_have_attribute("data-state", "live")
