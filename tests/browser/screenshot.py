"""Take docs/screenshot.png of the real system: `python -m tests.browser.screenshot`."""

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

SCREENSHOT = ROOT / "docs" / "screenshot.png"
CONTEXT_OPTIONS = {
    "viewport": {"width": 1120, "height": 1400},
    "device_scale_factor": 1.75,
    "color_scheme": "light",
    "locale": "en-GB",
}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedStack(Path(folder) / "stack", free_port()) as stack,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        files = make_files(Path(folder))
        page = browser.new_page(**CONTEXT_OPTIONS)  # type: ignore[arg-type]
        show_files_at_work(App(page, stack.url).open(), *files)
        page.screenshot(path=SCREENSHOT)
    size = SCREENSHOT.stat().st_size // 1000
    print(f"{SCREENSHOT.relative_to(ROOT)}: {size} KB")


def make_files(folder: Path) -> tuple[Path, Path, Path]:
    """Make a file that is soon done, one that converts long, and one that uploads long."""
    return (
        song(folder, 187, "Nocturne, first take.flac"),
        song(folder, 5400, "Interview, afternoon.mp3", "-ac", "1", "-b:a", "64k"),
        song(folder, 1260, "Live at the harbour.wav"),
    )


def show_files_at_work(app: App, completed: Path, converting: Path, uploading: Path) -> None:
    app.choose_files(completed)
    app.row(completed.name).convert("MP3")
    app.row(completed.name).expect_done("MP3")
    app.choose_files(converting)
    app.row(converting.name).convert("OPUS")
    expect(app.row(converting.name).status).to_have_text("Converting")
    app.throttle(upload=9 * MEGABYTE)
    app.choose_files(uploading)
    app.row(uploading.name).convert("M4A")
    seek_player(app.page)
    # Buttons look different under the mouse.
    app.page.mouse.move(0, 0)
    app.page.evaluate("scrollTo(0, 0)")
    expect(app.row(uploading.name).chunks).to_contain_text(re.compile(r"^(1[4-9]|2\d) of"))
    expect(app.row(converting.name).status).to_have_text("Converting")


def seek_player(page: Page) -> None:
    """Show the player in the middle of a song."""
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
