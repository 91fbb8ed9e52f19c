"""Test the page as an installed app: without a network, after an update, and shared files."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.local.gateway.app import gateway_app
from deploy.local.gateway.asgi import App as AsgiApp
from deploy.local.gateway.asgi import Message, Receive, Send, send_problem
from deploy.local.gateway.middleware import security_headers
from deploy.local.processes import ROOT
from deploy.local.stack import SERVICES
from tests.browser.app import App
from tests.browser.monitor import NETWORK_ERROR
from tests.fault_injection import eventually
from tests.http_server import serving

pytestmark = [pytest.mark.browser, pytest.mark.stack]

READY = "navigator.serviceWorker.ready.then(({ active }) => active.state)"
INSTALL = f"navigator.serviceWorker.register('/sw.js').then(() => {READY})"
UPDATE = "navigator.serviceWorker.ready.then((it) => it.update()).then(() => true)"
IS_CONTROLLED = "navigator.serviceWorker.controller !== null"
COPIES = "caches.keys()"
AWAY = "http://127.0.0.1:1"


class Deployment:
    """Serve a copy of the built page, which a test may replace or take away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_down = False
        copytree(ROOT / "frontend" / "dist", folder)
        headers = security_headers(AWAY)
        self._gateway: AsgiApp = gateway_app(dict.fromkeys(SERVICES, AWAY), folder, headers)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self.is_down and scope["type"] == "http":
            await send_problem(send, 503, "storage_unavailable", "Down.")
        else:
            await self._gateway(scope, receive, send)

    def release(self, version: str) -> None:
        """Replace the page and its worker by those of another version."""
        page = self.folder / "index.html"
        page.write_text(page.read_text().replace("<head>", f'<head><meta name="v{version}">', 1))
        worker = self.folder / "sw.js"
        worker.write_text(re.sub("[0-9a-f]{16}", version * 16, worker.read_text()))


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path / "dist")


@pytest.fixture
def page(browser: Browser, deployment: Deployment) -> Iterator[Page]:
    """Return a page that its worker controls."""
    with serving(deployment) as port:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.evaluate(INSTALL)
        page.reload()
        assert page.evaluate(IS_CONTROLLED)
        yield page
        context.close()


def test_the_newest_page_is_shown_and_a_copy_only_without_it(
    page: Page, deployment: Deployment
) -> None:
    deployment.release("2")
    page.reload()
    expect(page.locator("meta[name=v2]")).to_have_count(1)

    deployment.is_down = True
    page.reload()
    expect(page.locator("meta[name=v2]")).to_have_count(0)
    expect(page.get_by_test_id("drop-zone")).to_be_visible()


def test_an_update_replaces_the_copy_once_all_tabs_are_closed(
    page: Page, deployment: Deployment
) -> None:
    deployment.release("2")
    page.evaluate(UPDATE)
    # The open tab may still need files of its version.
    eventually(lambda: len(page.evaluate(COPIES)) == 2)
    url, context = page.url, page.context
    page.close()

    def copies_in_new_tab() -> list[str]:
        tab = context.new_page()
        tab.goto(url)
        copies: list[str] = tab.evaluate(COPIES)
        tab.close()
        return copies

    # A tab that opens before Chromium has noticed the end of the last one keeps the old worker.
    eventually(lambda: copies_in_new_tab() == ["tinypixo-page-" + "2" * 16])
    deployment.is_down = True
    other = context.new_page()
    other.goto(url)
    expect(other.locator("meta[name=v2]")).to_have_count(1)


def test_the_page_opens_offline_and_goes_on_when_the_network_is_back(
    app: App, short_song: Path
) -> None:
    app.monitor.allow_errors(NETWORK_ERROR)
    assert app.page.evaluate(READY) in ("activating", "activated")
    app.reload()
    app.page.context.set_offline(True)
    app.page.reload()
    expect(app.page.get_by_text("TinyPixo is not available")).to_be_visible()

    app.page.context.set_offline(False)

    expect(app.connection).to_have_attribute("data-ready", "true")
    app.choose_files(short_song)
    app.row("short.wav").convert("MP3")
    app.row("short.wav").expect_done("MP3")


def test_the_page_can_be_installed(app: App) -> None:
    app.page.evaluate(READY)
    manifest: dict[str, Any] = app.cdp.send("Page.getAppManifest")
    assert manifest["url"].endswith("/manifest.webmanifest")
    assert manifest["errors"] == []
    found = app.cdp.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # Contexts of tests are private windows, in which nothing can be installed.
    assert [each["errorId"] for each in found if each["errorId"] != "in-incognito"] == []


SHARE = """(address) => {
  const form = document.createElement('form');
  form.method = 'post';
  form.enctype = 'multipart/form-data';
  form.action = address;
  form.innerHTML = '<input type="file" name="files" id="shared" multiple>';
  document.body.append(form);
}"""


SHARED = "caches.open('tinypixo-shared').then((it) => it.keys()).then((keys) => keys.length)"


def share(page: Page, address: str, *files: Path) -> None:
    """Send files as the system does, by a form that leads to the page."""
    page.evaluate(SHARE, address)
    page.locator("#shared").set_input_files(files)
    page.evaluate("document.querySelector('#shared').form.submit()")


def test_files_that_are_shared_with_the_app_are_in_the_list(
    app: App, short_song: Path, text_file: Path, tmp_path: Path
) -> None:
    app.page.evaluate(READY)
    app.reload()
    memo = tmp_path / "Über 50 %, wirklich.wav"
    memo.write_bytes(short_song.read_bytes())
    picture = tmp_path / "cover.jpg"
    picture.write_bytes(b"no sound")
    with app.page.expect_event("dialog") as question:
        app.page.once("dialog", lambda dialog: dialog.accept())
        share(app.page, "/share", short_song, memo, picture)

    assert "3 files were shared with TinyPixo: short.wav, Über" in question.value.message
    expect(app.rows).to_have_count(2)
    expect(app.page.get_by_test_id("set-aside")).to_contain_text("cover.jpg")
    app.page.wait_for_url(app.url.rstrip("/") + "/")
    app.reload()
    expect(app.rows).to_have_count(2)
    app.row(memo.name).convert("MP3")
    app.row(memo.name).expect_done("MP3")


def test_shared_files_that_are_declined_are_deleted_and_never_uploaded(
    app: App, short_song: Path
) -> None:
    app.page.evaluate(READY)
    app.reload()
    with app.page.expect_event("dialog"):
        app.page.once("dialog", lambda dialog: dialog.dismiss())
        share(app.page, "/share", short_song)

    app.page.wait_for_url(app.url.rstrip("/") + "/")
    eventually(lambda: app.page.evaluate(SHARED) == 0)
    app.reload()
    expect(app.rows).to_have_count(0)
    assert app.page.request.get(f"{app.url}/api/uploads").json()["items"] == []


async def other_site(scope: Message, _: Receive, send: Send) -> None:
    """Answer any request with an empty page of another origin."""
    headers = [(b"content-type", b"text/html")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<!doctype html><body></body>"})


def test_files_that_a_page_of_another_origin_sends_are_not_taken(
    app: App, short_song: Path
) -> None:
    app.page.evaluate(READY)
    app.reload()
    with serving(other_site) as port:
        other = app.page.context.new_page()
        other.goto(f"http://127.0.0.1:{port}/")
        share(other, f"{app.url.rstrip('/')}/share", short_song)
        other.wait_for_url(app.url.rstrip("/") + "/")

    expect(other.get_by_test_id("connection")).to_have_attribute("data-ready", "true")
    assert app.page.evaluate("caches.has('tinypixo-shared')") is False
    assert app.page.request.get(f"{app.url}/api/uploads").json()["items"] == []


CAN_SHARE = """
window.shared = [];
navigator.canShare = ({ files }) => files.every(({ type }) => type.startsWith('audio/'));
navigator.share = async ({ files: [{ name, size, type }] }) => {
  window.shared.push({ name, size, type });
};
"""


def test_a_result_is_handed_to_another_app_where_that_is_offered(
    new_user: Callable[..., App], short_song: Path
) -> None:
    app = new_user()
    app.page.add_init_script(CAN_SHARE)
    app.open().choose_files(short_song)
    row = app.row("short.wav")
    row.convert("MP3")
    row.expect_done("MP3")

    row.button("share").click()

    eventually(lambda: app.page.evaluate("window.shared.length"))
    output = app.page.request.get(f"{app.url}/api/conversions").json()["items"][0]["output"]
    expected = {"name": "short.mp3", "size": output["size"], "type": "audio/mpeg"}
    assert app.page.evaluate("window.shared[0]") == expected


def test_no_button_shares_where_the_browser_cannot(app: App, short_song: Path) -> None:
    app.page.evaluate("delete Navigator.prototype.canShare")
    app.choose_files(short_song)
    app.row("short.wav").convert("MP3")
    app.row("short.wav").expect_done("MP3")

    expect(app.row("short.wav").button("share")).to_have_count(0)
