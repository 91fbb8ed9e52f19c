"""Page objects: what a user can do on the page, and where a test finds it."""

from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import CDPSession, Download, Locator, Page, expect

from tests.browser.monitor import BrowserMonitor

MEGABYTE = 1_000_000

# A long timeout costs nothing in a passing test, and this machine may be busy.
expect.set_options(timeout=60_000)

# Polling would miss short-lived values of a progress bar, so an observer records all of them.
RECORD_PROGRESS = """
window.progressValues = {};
const record = (bar) => {
  const values = (window.progressValues[bar.getAttribute('aria-label')] ??= []);
  const value = Number(bar.getAttribute('aria-valuenow'));
  if (values.at(-1) !== value) values.push(value);
};
const recordAll = () => document.querySelectorAll('[role=progressbar]').forEach(record);
new MutationObserver(recordAll).observe(document, {
  subtree: true, childList: true, attributes: true, attributeFilter: ['aria-valuenow'],
});
"""


class App:
    """Control one tab with TinyPixo in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.monitor = BrowserMonitor(page.context)
        self._cdp: CDPSession | None = None
        page.add_init_script(RECORD_PROGRESS)

    def open(self) -> "App":
        """Open the page and wait until the list of files is restored."""
        self.page.goto(self.url)
        expect(self.connection).to_have_attribute("data-state", "live")
        expect(self.connection).to_have_attribute("data-ready", "true")
        return self

    def reload(self) -> None:
        """Reload the page without waiting for images and audio."""
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

    def row(self, filename: str) -> "Row":
        heading = self.page.get_by_role("heading", name=filename, exact=True)
        return Row(self.page, self.rows.filter(has=heading))

    def choose_files(self, *files: Path) -> None:
        self.page.get_by_test_id("file-input").set_input_files(files)

    def drop_files(self, *files: Path) -> None:
        """Drag files from outside of the browser and drop them on the drop zone."""
        box = self.page.get_by_test_id("drop-zone").bounding_box()
        assert box
        center = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.cdp.send("Input.dispatchDragEvent", {"type": kind, **center, "data": data})

    def throttle(self, upload: float = -1, offline: bool = False) -> None:
        """Limit the upload to some bytes per second. Without arguments, remove the limit."""
        self.cdp.send("Network.enable")
        conditions = {
            "offline": offline,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": upload,
        }
        self.cdp.send("Network.emulateNetworkConditions", conditions)

    def progress_values(self, bar: Locator) -> list[int]:
        """Return every value that a progress bar has had since the page was loaded."""
        label = bar.get_attribute("aria-label")
        script = "(label) => window.progressValues[label] ?? []"
        values: list[int] = self.page.evaluate(script, label)
        return values


class Row:
    """Control one file in the list. Formats are named as on the page: MP3."""

    def __init__(self, page: Page, locator: Locator) -> None:
        self.page = page
        self.locator = locator

    @property
    def upload_bar(self) -> Locator:
        return self.locator.get_by_test_id("upload-bar")

    @property
    def chunks(self) -> Locator:
        return self.locator.get_by_test_id("upload-chunks")

    @property
    def status(self) -> Locator:
        return self.locator.get_by_test_id("conversion-status")

    def conversion(self, format_name: str) -> Locator:
        return self.locator.get_by_role("group", name=f"to {format_name}")

    def button(self, action: str) -> Locator:
        return self.locator.get_by_test_id(f"{action}-button")

    def choose_format(self, format_name: str, **options: str) -> None:
        self.locator.get_by_test_id("format-select").select_option(label=format_name)
        for option, value in options.items():
            self.locator.get_by_test_id(f"option-{option}").select_option(value)

    def convert(self, format_name: str, **options: str) -> None:
        self.choose_format(format_name, **options)
        self.button("convert").click()

    def expect_done(self, *format_names: str) -> None:
        """Wait until the conversions to these formats are completed."""
        for name in format_names:
            status = self.conversion(name).get_by_test_id("conversion-status")
            expect(status).to_have_text("Done")

    def download(self, folder: Path, format_name: str) -> Path:
        """Click the download link. Return the saved file, named as the browser proposes."""
        with self.page.expect_download() as download:
            self.conversion(format_name).get_by_test_id("download-link").click()
        return save_download(download.value, folder)


def save_download(download: Download, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def is_ascending(values: Iterable[int]) -> bool:
    listed = list(values)
    return listed == sorted(listed)
