"""Test that a file whose tab was killed at half continues when it is chosen again.

`make test-resume` does it with 300 MiB. The page stores no file here, as in a private window.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Request, expect

from libs.core.domain.uploads import MIB
from tests.audio import song
from tests.browser.app import MEGABYTE, App
from tests.browser.monitor import NETWORK_ERROR

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SIZE = int(os.environ.get("TINYPIXO_RESUME_MIB", "60")) * MIB
BYTES_PER_SECOND = 44100 * 4
STORE_NOTHING = """
if (navigator.storage) navigator.storage.estimate = async () => ({ quota: 0, usage: 0 })
"""
MAX_REQUESTS_PER_PART = 2.2
"""A PUT, and with it a preflight, that browsers keep for one URL only; all else is shared."""


def test_only_missing_parts_are_sent_after_the_tab_was_killed(
    new_user: Callable[..., App], audio_folder: Path
) -> None:
    path = song(audio_folder, SIZE / BYTES_PER_SECOND, "half.wav")
    first = new_user()
    first.monitor.allow_errors(NETWORK_ERROR)  # the requests that die with the tab
    first.page.context.add_init_script(STORE_NOTHING)
    first.open().throttle(upload=20 * MEGABYTE)
    requests: list[Request] = []
    first.page.context.on("request", lambda request: requests.append(request))
    first.choose_files(path)
    first.row("half.wav").convert("FLAC")
    bar = first.row("half.wav").upload_bar
    label = bar.get_attribute("aria-label")
    first.page.wait_for_function(
        "(label) => (window.progressValues[label] ?? []).some((value) => value >= 50)", arg=label
    )
    first.page.close(run_before_unload=False)

    second = App(first.page.context.new_page(), first.url).open()
    row = second.row("half.wav")
    upload = second.page.evaluate(UPLOADS)[0]
    stored, count = upload["completed_parts"], upload["part_count"]
    assert 0.3 * count <= len(stored) < count
    expect(row.locator).to_contain_text(f"{len(stored)} of {count}")
    row.locator.get_by_test_id("reselect-input").set_input_files(path)
    row.expect_done("FLAC")

    missing = sorted(set(range(1, count + 1)) - set(stored))
    assert sorted(second.monitor.parts_sent_to_s3()) == missing
    shown = second.progress_values(row.upload_bar) if row.upload_bar.count() else []
    assert shown == sorted(shown)
    assert all(value >= 100 * len(stored) // count for value in shown)
    parts = [request for request in requests if "partNumber=" in request.url]
    others = [request for request in requests if "/parts" in request.url]
    per_part = (2 * len(parts) + len(others)) / len(parts)
    print(f"{per_part:.2f} requests per part, of {len(parts)} PUTs and {len(others)} others")
    assert per_part < MAX_REQUESTS_PER_PART + 6 / count, "more than its few first and last ones"


UPLOADS = """fetch('/api/uploads')
    .then((answer) => answer.json())
    .then(({ items }) => Promise.all(items.map(({ id }) => fetch(`/api/uploads/${id}`))))
    .then((answers) => Promise.all(answers.map((answer) => answer.json())))"""
