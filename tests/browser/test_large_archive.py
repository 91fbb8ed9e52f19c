"""Test that an archive of gigabytes is made without holding it in memory.

`make test-archive` does it with 1 GiB.
"""

import os
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Download, expect

from libs.core.domain.uploads import MIB
from tests.audio import song
from tests.browser.app import App, save_download
from tests.browser.chromium import ARGUMENTS, executable
from tests.browser.memory import MemoryOfBrowser

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.long]

RESULTS = 4
SIZE = int(os.environ.get("TINYPIXO_ARCHIVE_MIB", "640")) * MIB
BYTES_PER_SECOND = 44100 * 4
MAX_GROWTH = 350_000_000
"""Bytes. Chromium's buffers took 217 MB for an archive of 315 MB, and 261 MB for one of 671 MB."""


def test_memory_stays_flat_while_results_of_gigabytes_are_packed(
    browser: Browser, stack_url: str, tmp_path: Path
) -> None:
    album = tmp_path / "Album" / "CD 1"
    album.mkdir(parents=True)
    song(album, SIZE / RESULTS / BYTES_PER_SECOND, "long.wav")
    song(tmp_path / "Album", 1, "short.wav")
    profile = tmp_path / "profile"
    # Not a context of the shared browser: those keep their private file system in memory.
    context = browser.browser_type.launch_persistent_context(
        profile, executable_path=executable(), args=ARGUMENTS, locale="en-GB"
    )
    app = App(context.new_page(), stack_url).open()
    app.drop_files(tmp_path / "Album")
    for name in ("long.wav", "short.wav"):
        app.row(name).convert("WAV")
        app.row(name).expect_done("WAV")
    uploads = context.request.get(f"{stack_url}/api/uploads").json()["items"]
    long = next(each["id"] for each in uploads if each["filename"] == "long.wav")
    for _ in range(RESULTS - 1):
        request = {"upload_id": long, "format": "wav"}
        assert context.request.post(f"{stack_url}/api/conversions", data=request).ok
    links = app.row("long.wav").locator.get_by_test_id("download-link")
    expect(links).to_have_count(RESULTS, timeout=300_000)

    downloads: list[Download] = []
    app.page.on("download", lambda download: downloads.append(download))
    memory = MemoryOfBrowser(profile)
    before = peak = memory.bytes()
    app.page.get_by_role("button", name="Download all").click()
    expect(app.page.get_by_role("button", name="Cancel download")).to_be_visible()
    while not downloads:
        app.page.wait_for_timeout(100)
        peak = max(peak, memory.bytes())
    archive = save_download(downloads[0], tmp_path)
    peak = max(peak, memory.bytes())
    context.close()

    size = archive.stat().st_size
    print(f"{size / 1e6:.0f} MB packed; memory {before / 1e6:.0f} MB, at most {peak / 1e6:.0f} MB")
    assert size > SIZE
    assert peak - before < MAX_GROWTH
    with ZipFile(archive) as packed:
        copies = [f"Album/CD 1/long ({number}).wav" for number in range(2, RESULTS + 1)]
        names = {"Album/CD 1/long.wav", *copies, "Album/short.wav"}
        assert set(packed.namelist()) == names
        assert packed.testzip() is None
