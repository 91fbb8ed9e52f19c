"""Test that Uppy's S3 plug-in uploads in Chromium, in both of its latest major versions."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.chromium import launch
from tests.clients.conftest import IS_FULL, digest_of, install, kill_points

pytestmark = [pytest.mark.stack, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright, launch(playwright) as launched:
        yield launched


@pytest.fixture(scope="module", params=["uppy5", "uppy6"])
def script(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Bundle Uppy as its users do."""
    folder = install(request.param)
    out = tmp_path_factory.mktemp("uppy") / "bundle.js"
    esbuild = folder / "node_modules" / ".bin" / "esbuild"
    subprocess.run(
        [str(esbuild), "page.js", "--bundle", f"--outfile={out}", "--log-level=error"],
        cwd=folder,
        check=True,
    )
    return out.read_text("utf-8")


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    # On our own page, whose Content-Security-Policy would keep foreign scripts out.
    context = browser.new_context(bypass_csp=True)
    yield context
    context.close()


def open_page(context: BrowserContext, stack_url: str, script: str, file: Path) -> Page:
    """Open a tab with Uppy, in which the file is chosen."""
    page = context.new_page()
    page.goto(stack_url)
    page.add_script_tag(content=script)
    page.evaluate("document.body.innerHTML = '<input type=file>'")
    page.locator("input").set_input_files(file)
    return page


UPLOAD = "(protocol) => uploadByUppy(document.querySelector('input'), protocol)"
RECOVER = "() => recoverByUppy(document.querySelector('input'))"
BEGIN = f"(protocol) => void (window.uploading = ({UPLOAD})(protocol))"


def uploads_of(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(
        "fetch('/api/uploads').then(answer => answer.json()).then(page => page.items)"
    )
    return found


@pytest.mark.parametrize("protocol", ["multipart", "form", "tus"] if IS_FULL else ["form"])
def test_uppy_uploads_a_file(
    context: BrowserContext,
    stack_url: str,
    script: str,
    file: Path,
    stored_digest: Callable[[str], str],
    protocol: str,
) -> None:
    page = open_page(context, stack_url, script, file)

    result = page.evaluate(UPLOAD, protocol)

    assert result["failed"] == []
    [upload] = uploads_of(page)
    assert upload["filename"] == file.name
    assert stored_digest(upload["id"]) == digest_of(file)


def test_uppy_resumes_by_tus_after_its_tab_was_killed(
    context: BrowserContext,
    stack_url: str,
    script: str,
    file: Path,
    stored_digest: Callable[[str], str],
) -> None:
    for point in kill_points():
        page = open_page(context, stack_url, script, file)
        begin_upload(page, "tus")
        wait_for(page, point)
        page.close()
    page = open_page(context, stack_url, script, file)

    result = page.evaluate(UPLOAD, "tus")

    assert result["failed"] == []
    [upload] = uploads_of(page)
    assert stored_digest(upload["id"]) == digest_of(file)


def test_uppy_recovers_by_golden_retriever_after_its_tab_was_killed(
    context: BrowserContext,
    stack_url: str,
    script: str,
    file: Path,
    stored_digest: Callable[[str], str],
) -> None:
    begin = f"() => void (window.uploading = ({UPLOAD})('recoverable'))"
    for point in kill_points():
        page = open_page(context, stack_url, script, file)
        limit_upload(page)
        page.evaluate(begin)
        wait_for(page, point)
        page.wait_for_function("isRecoverable()")
        page.close()
        begin = f"() => void (window.uploading = ({RECOVER})())"
    page = open_page(context, stack_url, script, file)

    result = page.evaluate(RECOVER)

    assert result["failed"] == []
    [upload] = uploads_of(page)
    assert stored_digest(upload["id"]) == digest_of(file)


def test_uppy_goes_on_after_each_loss_of_the_network(
    context: BrowserContext,
    stack_url: str,
    script: str,
    file: Path,
    stored_digest: Callable[[str], str],
) -> None:
    page = open_page(context, stack_url, script, file)
    begin_upload(page, "multipart")
    for point in kill_points():
        wait_for(page, point)
        context.set_offline(True)
        page.wait_for_function("!navigator.onLine")
        context.set_offline(False)

    result = page.evaluate("window.uploading")

    assert result["failed"] == []
    [upload] = uploads_of(page)
    assert stored_digest(upload["id"]) == digest_of(file)


def begin_upload(page: Page, protocol: str) -> None:
    limit_upload(page)
    page.evaluate(BEGIN, protocol)


def wait_for(page: Page, point: float) -> None:
    """Wait until Uppy has sent a share of the file."""
    page.wait_for_function(f"window.uppyProgress() >= {int(100 * point)}", timeout=200_000)


def limit_upload(page: Page) -> None:
    """Send 10 MB/s at most, so that there is a middle to kill the tab in."""
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": 10_000_000})
