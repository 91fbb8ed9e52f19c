"""Take a picture of each main state of the page, to look at: `make screenshots`."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright

from deploy.local.network import free_port
from deploy.local.processes import ROOT
from deploy.local.stack import EmbeddedStack
from tests.audio import run_ffmpeg, song
from tests.browser.app import MEGABYTE, App, Row
from tests.browser.chromium import launch
from tests.browser.page_states import show_all_states

FOLDER = ROOT / "test-results" / "screenshots"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1100, "height": 900}, "locale": "en-GB"}
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "locale": "en-GB"}
SMALL_PHONE: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "locale": "en-GB"}
ALBUM_SIZE = 50


def music(folder: Path) -> Path:
    """Make three minutes that swell and pause as music does, so that their waveform shows it."""
    path = folder / "Evening.wav"
    phrase = "(0.15+0.85*pow(sin(PI*t/47),2))*(0.25+0.75*pow(abs(sin(PI*t/3.7)),1.5))"
    beat = "(0.35+0.65*exp(-6*mod(t,0.5)))*(1-0.9*between(mod(t,61),57,61))"
    tone = "(0.5*sin(2*PI*220*t)+0.3*sin(2*PI*554*t)+0.15*(random(0)-0.5))"
    expression = f"0.9*{phrase}*{beat}*{tone}"
    run_ffmpeg("-f", "lavfi", "-i", f"aevalsrc='{expression}':s=44100:d=180", str(path))
    return path


class Photographer:
    """Open the page for one user after the other, and save what it looks like."""

    def __init__(self, browser: Browser, url: str, folder: Path) -> None:
        self._browser = browser
        self._url = url
        self.short = song(folder, 3, "Voice memo.wav")
        self.long = song(folder, 180, "Interview.wav")
        self.music = music(folder)
        self.text = folder / "Letter.mp3"
        self.text.write_text("These are words, not music.\n" * 500)
        self.album = folder / "Album"
        self.album.mkdir()
        first = song(self.album, 1, "1 song.wav").read_bytes()
        for number in range(2, ALBUM_SIZE + 1):
            (self.album / f"{number} song.wav").write_bytes(first)

    @contextmanager
    def user(self, **options: Any) -> Iterator[App]:
        context = self._browser.new_context(**DESKTOP | options)
        context.set_default_timeout(60_000)
        yield App(context.new_page(), self._url).open()
        context.close()

    def save(self, app: App, name: str, full_page: bool = True) -> None:
        # Buttons look different under the mouse, and rows fade in.
        app.page.mouse.move(0, 0)
        app.page.wait_for_timeout(400)
        app.page.screenshot(path=FOLDER / f"{name}.png", full_page=full_page)
        print(f"{name}.png")

    def show_one_file(self) -> None:
        with self.user() as app:
            self.save(app, "empty")
            app.throttle(upload=2 * MEGABYTE)
            app.choose_files(self.long)
            row = app.row(self.long.name)
            row.choose_format("OGG", bitrate="variable", quality="10")
            self.save(app, "ready")
            self.cut(row)
            self.save(app, "trim")
            row.button("convert").click()
            self.save(app, "uploading")
            app.throttle()
            expect(row.status).to_have_text("Converting")
            self.save(app, "converting")
            row.expect_done("OGG")
            row.locator.get_by_test_id("details").locator("summary").click()
            expect(row.locator.get_by_test_id("details")).to_contain_text("SHA-256")
            self.save(app, "done")
            row.locator.get_by_test_id("details").locator("summary").click()
            self.compare(app, row)
            self.save(app, "compare")
            row.button("delete").click()
            self.save(app, "undo", full_page=False)

    def cut(self, row: Row) -> None:
        """Choose a piece with fades in the waveform."""
        row.locator.locator(".edits summary").click()
        for option, seconds in {"start": 20, "end": 150, "fade_in": 10, "fade_out": 25}.items():
            row.locator.get_by_test_id(f"option-{option}").fill(str(seconds))
        expect(row.locator.locator(".bars--source .bars__peaks")).to_be_attached()

    def compare(self, app: App, row: Row) -> None:
        """Compare a result with its source, and listen to the result."""
        row.button("compare").click()
        comparison = row.locator.get_by_test_id("comparison")
        expect(comparison.locator(".bars__peaks")).to_have_count(2)
        position = comparison.get_by_test_id("slider-position")
        for _ in range(5):
            position.press("PageUp")
        comparison.get_by_test_id("hear-result").check()

    def show_sound(self, name: str, forced_colors: str = "none", **options: Any) -> None:
        with self.user(**options) as app:
            app.page.emulate_media(forced_colors=forced_colors)  # type: ignore[arg-type]
            app.choose_files(self.music)
            row = app.row(self.music.name)
            self.cut(row)
            self.save(app, f"trim-{name}")
            row.convert("MP3")
            row.expect_done("MP3")
            self.compare(app, row)
            self.save(app, f"compare-{name}")

    def show_many_files(self) -> None:
        with self.user() as app:
            app.drop_files(self.album)
            expect(app.rows).to_have_count(ALBUM_SIZE)
            self.save(app, "fifty-ready")
            app.page.get_by_test_id("convert-all").click()
            done = f"{ALBUM_SIZE} of {ALBUM_SIZE} done"
            toolbar = app.page.get_by_test_id("list-toolbar")
            expect(toolbar).to_contain_text(done, timeout=300_000)
            self.save(app, "fifty-done")

    def show_all_kinds(self, name: str, forced_colors: str = "none", **options: Any) -> None:
        with self.user(**options) as app:
            app.page.emulate_media(forced_colors=forced_colors)  # type: ignore[arg-type]
            show_all_states(app, self.short, self.long, self.text)
            self.save(app, name)

    def all(self) -> list[Callable[[], None]]:
        return [
            self.show_one_file,
            lambda: self.show_sound("phone", **SMALL_PHONE),
            lambda: self.show_sound("dark", color_scheme="dark"),
            lambda: self.show_sound("forced-colours", forced_colors="active"),
            lambda: self.show_all_kinds("failed"),
            lambda: self.show_all_kinds("phone", **PHONE),
            lambda: self.show_all_kinds("dark", color_scheme="dark"),
            lambda: self.show_all_kinds("forced-colours", forced_colors="active"),
            self.show_many_files,
        ]


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedStack(Path(folder) / "stack", free_port()) as stack,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        for show in Photographer(browser, stack.url, Path(folder)).all():
            show()


if __name__ == "__main__":
    main()
