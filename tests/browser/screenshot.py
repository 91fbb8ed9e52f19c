"""`python -m tests.browser.screenshot`: takes docs/screenshot.png anew, of the real system at work on real files."""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from deploy.local.network import free_port
from deploy.local.processes import ROOT
from deploy.local.stack import EmbeddedStack
from tests.audio import song
from tests.browser.app import MEGABYTE, App
from tests.browser.chromium import launch

PICTURE = ROOT / "docs" / "screenshot.png"
LOOK = {"viewport": {"width": 1120, "height": 1072}, "device_scale_factor": 1.75, "color_scheme": "light", "locale": "en-GB"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedStack(Path(folder) / "stack", free_port()) as stack:
        files = make_files(Path(folder))
        with sync_playwright() as playwright, launch(playwright) as browser:
            page = browser.new_page(**LOOK)  # type: ignore[arg-type]
            arrange(App(page, stack.url).open(), *files)
            page.screenshot(path=PICTURE)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1000} KB")


def make_files(folder: Path) -> tuple[Path, Path, Path]:
    """One that is done soon, one that converts for a while, one that uploads for a while."""
    return (
        song(folder, 187, "Nocturne, first take.flac"),
        song(folder, 5400, "Interview, afternoon.mp3", "-ac", "1", "-b:a", "64k"),
        song(folder, 1260, "Live at the harbour.wav"),
    )


def arrange(app: App, done: Path, converting: Path, uploading: Path) -> None:
    """Brings each file to where it looks its best; newest first."""
    app.pick(done)
    app.row(done.name).convert("MP3")
    app.row(done.name).is_done("MP3")
    app.pick(converting)
    app.row(converting.name).convert("OPUS")
    expect(app.row(converting.name).status).to_have_text("Converting")
    app.throttle(upload=9 * MEGABYTE)
    app.pick(uploading)
    app.row(uploading.name).convert("M4A")
    show_player(app.page)
    app.page.mouse.move(0, 0)  # away from the buttons
    app.page.evaluate("scrollTo(0, 0)")
    expect(app.row(uploading.name).chunks).to_contain_text(re.compile(r"^(1[4-9]|2\d) of"))
    expect(app.row(converting.name).status).to_have_text("Converting")


def show_player(page: Page) -> None:
    """As it looks in the middle of a song."""
    page.get_by_test_id("player").evaluate(
        """(player) => new Promise((resolve) => {
            player.onseeked = resolve;
            player.onloadedmetadata = () => { player.currentTime = 71; };
            player.preload = 'auto';
            player.load();
        })"""
    )


if __name__ == "__main__":
    main()
