"""Test how much the first load of the page weighs, and that the next one weighs nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.app import App

pytestmark = [pytest.mark.browser, pytest.mark.stack]

MAX_BYTES = 45_000
MAX_CATALOGUE = 6_000
LOADED = """() => performance.getEntriesByType('resource')
    .filter(({ name }) => /\\.(js|css)$/.test(name))
    .map(({ name, encodedBodySize, transferSize }) => [name, encodedBodySize, transferSize])"""
SHIFT = """() => new Promise((resolve) => new PerformanceObserver((list) =>
    resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0))
).observe({ type: 'layout-shift', buffered: true }) ?? setTimeout(() => resolve(0), 500))"""


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
def test_the_first_load_is_small_and_the_second_is_cached(
    new_user: Callable[..., App], locale: str
) -> None:
    app = new_user(locale=locale).open()

    first: list[list[Any]] = app.page.evaluate(LOADED)
    assert len(first) >= 3, first
    catalogue = MAX_CATALOGUE if locale == "de-DE" else 0
    assert sum(size for _, size, _ in first) <= MAX_BYTES + catalogue
    assert app.page.evaluate(SHIFT) < 0.1
    app.reload()
    second: list[list[Any]] = app.page.evaluate(LOADED)
    # 300 bytes stand for the headers of an answer from the cache, or of a 304.
    assert [transfer for name, _, transfer in second if "/assets/" in name and transfer > 300] == []


@pytest.mark.parametrize(
    ("locale", "headline"),
    [
        ("en-GB", "Convert audio to the format you need."),
        ("de-DE", "Audio in das Format, das du brauchst."),
    ],
)
def test_the_page_is_painted_before_its_scripts_arrive(
    browser: Browser, stack_url: str, locale: str, headline: str
) -> None:
    context = browser.new_context(locale=locale)
    page = context.new_page()
    page.route("**/assets/*.js", lambda route: route.abort())
    page.goto(stack_url)

    expect(page.get_by_role("heading", level=1)).to_have_text(headline)
    assert " style=" not in page.content(), "the content security policy forbids it"
    context.close()
