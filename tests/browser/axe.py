"""Run axe-core, the checker of WCAG rules, in a page."""

from functools import cache
from typing import Any

from playwright.sync_api import Page

from deploy.local.processes import ROOT

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

RUN = """async () => {
    // A row that fades in has too little contrast for a moment.
    await Promise.all(document.getAnimations()
        .filter((animation) => animation.effect.getComputedTiming().iterations !== Infinity)
        .map((animation) => animation.finished.catch(() => undefined)));
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}"""

MEDIA: list[dict[str, Any]] = [
    {"color_scheme": "light", "forced_colors": "none"},
    {"color_scheme": "dark", "forced_colors": "none"},
    {"color_scheme": "light", "forced_colors": "active"},
]


@cache
def axe_source() -> str:
    return AXE.read_text("utf-8")


def findings(page: Page) -> list[str]:
    """Return what axe finds in light, dark and forced colours: all rules, WCAG and beyond."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe_source())
    found = []
    for media in MEDIA:
        page.emulate_media(**media)
        found += [f"{media}: {each}" for each in page.evaluate(RUN)]
    page.emulate_media(color_scheme="light", forced_colors="none")
    return found
