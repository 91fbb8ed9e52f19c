"""What the page says and does when the network, or a part of it, is not there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.app import MEGABYTE, App
from tests.browser.watch import NETWORK

pytestmark = [pytest.mark.browser, pytest.mark.stack]

API = re.compile(r"/api/")
EVENTS = re.compile(r"/api/progress/events$")
STORAGE = re.compile(r"[?&]partNumber=")


def no_answer(route: Route) -> None:
    route.abort()


def test_a_service_that_cannot_be_reached_is_told_and_waited_for(person: Callable[..., App], short_song: Path) -> None:
    app = person()
    app.watch.expect_errors(NETWORK)
    app.page.route(API, no_answer)
    app.page.goto(app.url)
    notice = app.page.get_by_text("TinyPixo cannot be reached")
    expect(notice).to_be_visible()

    app.page.unroute(API)

    expect(notice).to_have_count(0)
    app.pick(short_song)
    app.row("short.wav").convert("MP3")
    app.row("short.wav").is_done("MP3")


def test_an_upload_waits_for_the_network_says_so_and_goes_on(app: App, long_song: Path) -> None:
    app.watch.expect_errors(NETWORK)
    app.throttle(upload=5 * MEGABYTE)
    app.pick(long_song)
    row = app.row("long.wav")
    row.convert("MP3")
    expect(row.chunks).to_have_text(re.compile(r"^[1-6] of 7"))

    app.throttle(offline=True)

    expect(app.connection).to_have_attribute("data-state", "offline")
    expect(app.connection).to_have_text("Offline")
    expect(row.at.get_by_text("Waiting for network")).to_be_visible()
    app.throttle()
    expect(app.connection).to_have_attribute("data-state", "live")
    row.is_done("MP3")
    stored = app.watch.parts_stored()
    assert sorted(stored) == sorted(set(stored))


def test_without_events_the_page_asks_and_gets_there_all_the_same(person: Callable[..., App], long_song: Path) -> None:
    app = person()
    app.watch.expect_errors(NETWORK)
    app.page.route(EVENTS, no_answer)
    app.page.goto(app.url)
    app.pick(long_song)
    row = app.row("long.wav")
    row.convert("OGG", bitrate="variable", quality="10")

    row.is_done("OGG")

    expect(app.connection).to_have_attribute("data-state", "polling")
    expect(app.connection).to_have_text("Slow updates")
    converted = app.values(row.conversion("OGG").get_by_role("progressbar"))
    assert len(set(converted) - {0, 100}) >= 1, converted


def test_where_storage_is_out_of_reach_chunks_go_through_the_service(app: App, long_song: Path) -> None:
    app.watch.expect_errors(NETWORK)
    app.page.route(STORAGE, no_answer)
    app.pick(long_song)
    row = app.row("long.wav")
    row.convert("MP3")

    row.is_done("MP3")

    assert app.watch.parts_stored() == []
    through = [int(request.url.rsplit("/", 1)[1]) for request in app.watch.puts()]
    assert sorted(through) == list(range(1, 8))
