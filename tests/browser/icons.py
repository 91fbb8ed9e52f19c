"""Draw the icons of the installed page from its favicon: `python -m tests.browser.icons`."""

from playwright.sync_api import Browser, sync_playwright

from deploy.local.processes import ROOT
from tests.browser.chromium import launch

FAVICON = ROOT / "frontend" / "src" / "favicon.svg"
FOLDER = ROOT / "frontend" / "public" / "icons"
ROUND_CORNERS = ' rx="8" fill="#17181c"'


def draw(browser: Browser, name: str, size: int, svg: str) -> None:
    page = browser.new_page(viewport={"width": size, "height": size})
    page.set_content(f"<style>body{{margin:0}} svg{{display:block;width:{size}px}}</style>{svg}")
    page.screenshot(path=FOLDER / f"{name}.png", omit_background=True)
    page.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    svg = FAVICON.read_text("utf-8")
    # The system gives these a shape of its own. What is drawn is within its safe zone.
    square = svg.replace(ROUND_CORNERS, ' fill="#17181c"')
    assert square != svg
    with sync_playwright() as playwright, launch(playwright) as browser:
        draw(browser, "192", 192, svg)
        draw(browser, "512", 512, svg)
        draw(browser, "maskable", 512, square)
        draw(browser, "apple-touch", 180, square)


if __name__ == "__main__":
    main()
