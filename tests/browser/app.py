"""The page as a person uses it: what can be done with it, and where to look. Tests say the rest."""

from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import CDPSession, Download, Locator, Page, expect

from tests.browser.watch import Watch

MEGABYTE = 1_000_000

# Patience costs nothing where all is well, and others may be using this machine.
expect.set_options(timeout=60_000)

# Notes every value that any bar has ever had, by its label: looking now and then would miss the quick ones.
RECORDER = """
window.barValues = {};
const note = (bar) => {
  const seen = (window.barValues[bar.getAttribute('aria-label')] ??= []);
  const value = Number(bar.getAttribute('aria-valuenow'));
  if (seen.at(-1) !== value) seen.push(value);
};
const noteAll = () => document.querySelectorAll('[role=progressbar]').forEach(note);
new MutationObserver(noteAll).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-valuenow'] });
"""


class App:
    """One tab with TinyPixo in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.watch = Watch(page.context)
        self._cdp: CDPSession | None = None
        page.add_init_script(RECORDER)

    def open(self) -> "App":
        self.page.goto(self.url)
        expect(self.connection).to_have_attribute("data-state", "live")
        # Until then the page may still put what it finds of an earlier visit around what a test wants to press.
        expect(self.connection).to_have_attribute("data-ready", "true")
        return self

    def reload(self) -> None:
        """Not `page.reload`, which would wait for pictures and sounds as well."""
        self.page.reload(wait_until="domcontentloaded")
        expect(self.connection).to_have_attribute("data-ready", "true")

    @property
    def cdp(self) -> CDPSession:
        self._cdp = self._cdp or self.page.context.new_cdp_session(self.page)
        return self._cdp

    @property
    def connection(self) -> Locator:
        return self.page.get_by_test_id("connection")

    @property
    def rows(self) -> Locator:
        return self.page.get_by_test_id("file-row")

    def row(self, name: str) -> "Row":
        return Row(self.page, self.rows.filter(has=self.page.get_by_role("heading", name=name, exact=True)))

    def pick(self, *files: Path) -> None:
        self.page.get_by_test_id("file-input").set_input_files(files)

    def drop(self, *files: Path) -> None:
        """A drag of real files from outside of the browser onto the drop zone."""
        box = self.page.get_by_test_id("drop-zone").bounding_box()
        assert box
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.cdp.send("Input.dispatchDragEvent", {"type": kind, **at, "data": data})

    def throttle(self, upload: float = -1, offline: bool = False) -> None:
        """Bytes per second that leave this tab; all of them again without a number."""
        self.cdp.send("Network.enable")
        conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        self.cdp.send("Network.emulateNetworkConditions", conditions)

    def values(self, bar: Locator) -> list[int]:
        """Every value this bar has had since the page was loaded."""
        seen: list[int] = self.page.evaluate("(label) => window.barValues[label] ?? []", bar.get_attribute("aria-label"))
        return seen


class Row:
    """One file in the list. Names of formats are as the page writes them: MP3."""

    def __init__(self, page: Page, at: Locator) -> None:
        self.page = page
        self.at = at

    @property
    def upload_bar(self) -> Locator:
        return self.at.get_by_test_id("upload-bar")

    @property
    def chunks(self) -> Locator:
        return self.at.get_by_test_id("upload-chunks")

    @property
    def status(self) -> Locator:
        return self.at.get_by_test_id("conversion-status")

    def conversion(self, format_name: str) -> Locator:
        return self.at.get_by_role("region", name=f"to {format_name}")

    def button(self, what: str) -> Locator:
        return self.at.get_by_test_id(f"{what}-button")

    def choose(self, format_name: str, **options: str) -> None:
        self.at.get_by_test_id("format-select").select_option(label=format_name)
        for option, value in options.items():
            self.at.get_by_test_id(f"option-{option}").select_option(value)

    def convert(self, format_name: str, **options: str) -> None:
        self.choose(format_name, **options)
        self.button("convert").click()

    def is_done(self, *format_names: str) -> None:
        for name in format_names:
            expect(self.conversion(name).get_by_test_id("conversion-status")).to_have_text("Done")

    def download(self, folder: Path, format_name: str) -> Path:
        """Clicks, and answers where the browser has put it, under the name that it proposes."""
        with self.page.expect_download() as coming:
            self.conversion(format_name).get_by_test_id("download-link").click()
        return saved(coming.value, folder)


def saved(download: Download, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def rising(values: Iterable[int]) -> bool:
    found = list(values)
    return found == sorted(found)
