"""The page with a row in every state, for looking at all of it at once."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.app import MEGABYTE, App

LONG_NAME = "An evening that had begun so well, recorded_without_any_pause_between_its_words (final, really).wav"


def everything_at_once(app: App, done: Path, long: Path, failing: Path) -> None:
    """One is done, one has failed, one uploads slowly under a long name, two are drafts."""
    app.pick(done)
    app.row(done.name).convert("MP3")
    app.pick(failing)
    app.row(failing.name).convert("WAV")
    app.row(done.name).is_done("MP3")
    expect(app.row(failing.name).status).to_have_text("Failed")
    renamed = long.with_name(LONG_NAME)
    if not renamed.exists():
        renamed.hardlink_to(long)
    app.throttle(upload=MEGABYTE / 2)
    app.pick(renamed)
    app.row(LONG_NAME).convert("OPUS")
    expect(app.row(LONG_NAME).upload_bar).not_to_have_attribute("aria-valuenow", "0")
    app.pick(done, failing)
    expect(app.page.get_by_test_id("convert-all")).to_be_visible()
