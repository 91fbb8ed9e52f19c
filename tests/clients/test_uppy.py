"""Test that Uppy's S3 plug-in uploads in Chromium, in both of its latest major versions."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.chromium import launch
from tests.clients.conftest import digest_of, install

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


@pytest.mark.parametrize("multipart", [True, False], ids=["multipart", "form"])
def test_uppy_uploads_a_file(
    browser: Browser,
    stack_url: str,
    script: str,
    file: Path,
    stored_digest: Callable[[str], str],
    multipart: bool,
) -> None:
    # On our own page, whose Content-Security-Policy would keep foreign scripts out.
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(stack_url)
    page.add_script_tag(content=script)
    page.evaluate("document.body.innerHTML = '<input type=file>'")
    page.locator("input").set_input_files(file)

    result = page.evaluate(
        "multipart => uploadByUppy(document.querySelector('input'), multipart)", multipart
    )

    assert result["failed"] == []
    uploads = page.evaluate("fetch('/api/uploads').then(answer => answer.json())")["items"]
    context.close()
    assert [upload["filename"] for upload in uploads] == [file.name]
    assert stored_digest(uploads[0]["id"]) == digest_of(file)
