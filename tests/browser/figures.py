"""Measure the page on a slow network and a slow machine: `python -m tests.browser.figures`."""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from tests.audio import song
from tests.browser.app import App
from tests.browser.chromium import launch

RUNS = 5
FILES = 50
SLOW_NETWORK = {
    "offline": False,
    "latency": 20,
    "downloadThroughput": 200_000,
    "uploadThroughput": 90_000,
}
"""1.6 Mbit/s, in bytes a second."""

OBSERVE = """
window.figures = { lcp: 0, cls: 0, blocked: 0 };
const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take))
    .observe({ type, buffered: true });
watch('largest-contentful-paint', ({ startTime }) => { window.figures.lcp = startTime; });
watch('layout-shift', ({ value }) => { window.figures.cls += value; });
watch('longtask', ({ duration }) => { window.figures.blocked += Math.max(0, duration - 50); });
"""


def first_load(browser: Browser, url: str) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.add_init_script(OBSERVE)
    cdp = context.new_cdp_session(page)
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", SLOW_NETWORK)
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(url)
    page.wait_for_timeout(4_000)
    figures: dict[str, float] = page.evaluate("window.figures")
    context.close()
    return figures


def heap_after_files(browser: Browser, url: str, folder: Path) -> float:
    """Return the bytes of the JavaScript heap after many files were converted."""
    first = song(folder, 1, "1 song.wav")
    files = [first, *(folder / f"{number} song.wav" for number in range(2, FILES + 1))]
    for file in files[1:]:
        file.write_bytes(first.read_bytes())
    app = App(browser.new_page(), url).open()
    app.choose_files(*files)
    app.page.get_by_test_id("convert-all").click()
    toolbar = app.page.get_by_test_id("list-toolbar")
    expect(toolbar).to_contain_text(f"{FILES} of {FILES} done", timeout=400_000)
    app.cdp.send("HeapProfiler.collectGarbage")
    size: float = app.page.evaluate("performance.memory.usedJSHeapSize")
    return size


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedStack(Path(folder) / "stack", free_port()) as stack,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        runs = [first_load(browser, stack.url) for _ in range(RUNS)]
        for name in ("lcp", "cls", "blocked"):
            values = [run[name] for run in runs]
            print(f"{name}: median {statistics.median(values):.3f}, all {values}")
        heap = heap_after_files(browser, stack.url, Path(folder))
        print(f"heap after {FILES} files: {heap / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
