"""Test uploads over a slow line with outages, as on a train.

The line carries 1 Mbit/s and is down for five seconds of each minute. `make test-slow-line` sends
38 MB over it, in real time. Without that target's settings the line is ten times as fast.
"""

import os
import re
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from libs.core.domain.uploads import MIB
from tests.audio import song
from tests.browser.app import App
from tests.browser.monitor import NETWORK_ERROR
from tests.browser.shared_line import SharedLine

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]

TIMES_AS_FAST = float(os.environ.get("TINYPIXO_LINE_SPEED", "10"))
MEGABYTES = float(os.environ.get("TINYPIXO_LINE_MEGABYTES", "7"))
RATE = TIMES_AS_FAST * 125_000
MINUTE = 60 / TIMES_AS_FAST
OUTAGE = 5 / TIMES_AS_FAST
PART = 5 * MIB
BYTES_PER_SECOND = 44100 * 4
"""Of the songs."""
TIMEOUT_MS = 1_200_000


def test_chunks_arrive_in_each_minute_of_a_line_with_outages(
    new_user: Callable[..., App], tmp_path: Path
) -> None:
    film = song(tmp_path, MEGABYTES * 1e6 / BYTES_PER_SECOND, "film.wav")
    memo = song(tmp_path, 0.9 * PART / BYTES_PER_SECOND, "memo.wav")
    parts = ceil(film.stat().st_size / PART) + 1
    with SharedLine(RATE) as line:
        app = new_user(proxy=line.proxy)
        app.monitor.allow_errors(NETWORK_ERROR)
        app.open()
        began = time.monotonic()
        with line.regular_outages(MINUTE, OUTAGE):
            app.choose_files(film, memo)
            app.page.get_by_test_id("convert-all").click()
            # Both have begun, and only one of them is sent at a time.
            waiting = app.page.get_by_test_id("file-row").get_by_text("Waiting for other uploads")
            expect(waiting).to_have_count(1)
            for file in (memo, film):
                expect(app.row(file.name).status).to_have_text(
                    re.compile("queue|Converting|Saving|Done"), timeout=TIMEOUT_MS
                )
                seconds = time.monotonic() - began
                print(f"{file.name} has arrived after {seconds:.0f} s, {line.outages} outages")
        for file in (memo, film):
            app.row(file.name).expect_done("MP3")
    sent = app.monitor.parts_sent_to_s3()
    print(f"{len(sent)} of {parts} parts were answered by S3")
    assert line.outages >= 1
    assert line.outages <= 2 * parts
