"""Test that a user can cut a piece out of a file."""

from pathlib import Path

import pytest

from tests.audio import decoded_seconds
from tests.browser.app import App

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def test_a_piece_with_a_fade_is_cut_out(app: App, short_song: Path, tmp_path: Path) -> None:
    app.choose_files(short_song)
    row = app.row("short.wav")
    row.choose_format("FLAC")
    row.locator.get_by_text("Trim, fades and loudness").click()
    for option, seconds in {"start": "1", "end": "2.5", "fade_in": "0.5"}.items():
        row.locator.get_by_test_id(f"option-{option}").fill(seconds)

    row.button("convert").click()

    row.expect_done("FLAC")
    assert decoded_seconds(row.download(tmp_path, "FLAC")) == pytest.approx(1.5, abs=0.05)
