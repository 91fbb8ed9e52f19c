"""Test what the page shows and does when a part of the network is missing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.app import MEGABYTE, App
from tests.browser.monitor import NETWORK_ERROR

pytestmark = [pytest.mark.browser, pytest.mark.stack]

API = re.compile(r"/api/")
EVENTS = re.compile(r"/api/progress/events$")
PRESIGNED_PUTS = re.compile(r"[?&]partNumber=")


def abort(route: Route) -> None:
    route.abort()


def test_the_page_says_that_the_service_is_unreachable_and_waits(
    new_user: Callable[..., App], short_song: Path
) -> None:
    app = new_user()
    app.monitor.allow_errors(NETWORK_ERROR)
    app.page.route(API, abort)
    app.page.goto(app.url)
    notice = app.page.get_by_text("TinyPixo is not available")
    expect(notice).to_be_visible()

    app.page.unroute(API)

    expect(notice).to_have_count(0)
    app.choose_files(short_song)
    app.row("short.wav").convert("MP3")
    app.row("short.wav").expect_done("MP3")


def test_an_upload_waits_for_the_network_and_resumes(app: App, long_song: Path) -> None:
    app.monitor.allow_errors(NETWORK_ERROR)
    app.throttle(upload=5 * MEGABYTE)
    app.choose_files(long_song)
    row = app.row("long.wav")
    row.convert("MP3")
    expect(row.chunks).to_have_text(re.compile(r"^[1-6] of 7"))

    app.throttle(offline=True)

    expect(app.connection).to_have_attribute("data-state", "offline")
    expect(app.connection).to_have_text("Offline")
    expect(row.locator.get_by_text("Waiting for the network")).to_be_visible()
    app.throttle()
    expect(app.connection).to_have_attribute("data-state", "live")
    row.expect_done("MP3")
    parts = app.monitor.parts_sent_to_s3()
    assert sorted(parts) == sorted(set(parts))


def test_the_page_polls_if_events_are_blocked(
    new_user: Callable[..., App], long_song: Path
) -> None:
    app = new_user()
    app.monitor.allow_errors(NETWORK_ERROR)
    app.page.route(EVENTS, abort)
    app.page.goto(app.url)
    app.choose_files(long_song)
    row = app.row("long.wav")
    row.convert("OGG", bitrate="variable", quality="10")

    row.expect_done("OGG")

    expect(app.connection).to_have_attribute("data-state", "polling")
    expect(app.connection).to_have_text("Slow updates")
    converted = app.progress_values(row.conversion("OGG").get_by_role("progressbar"))
    assert len(set(converted) - {0, 100}) >= 1, converted


def test_parts_go_through_the_service_if_s3_is_unreachable(app: App, long_song: Path) -> None:
    app.monitor.allow_errors(NETWORK_ERROR)
    app.page.route(PRESIGNED_PUTS, abort)
    app.choose_files(long_song)
    row = app.row("long.wav")
    row.convert("MP3")

    row.expect_done("MP3")

    assert app.monitor.parts_sent_to_s3() == []
    through_service = [int(request.url.rsplit("/", 1)[1]) for request in app.monitor.puts()]
    assert sorted(through_service) == list(range(1, 8))
