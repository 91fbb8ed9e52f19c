"""Test uploads over a slow network with outages, as on a train.

The network carries 1 Mbit/s and is down for five seconds of each minute. `make test-slow-line`
sends 38 MB over it, in real time. Without that target's settings it is ten times as fast.
"""

import os
import re
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path

import pytest
from playwright.sync_api import Request, expect

from libs.core.domain.uploads import MIB
from tests.audio import song
from tests.browser.app import App
from tests.browser.monitor import NETWORK_ERROR
from tests.browser.slow_network import SlowNetwork

pytestmark = [
    pytest.mark.browser,
    pytest.mark.stack,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]

TIMES_AS_FAST = float(os.environ.get("TINYPIXO_NETWORK_SPEED", "10"))
MEGABYTES = float(os.environ.get("TINYPIXO_NETWORK_MEGABYTES", "7"))
RATE = TIMES_AS_FAST * 125_000
MINUTE = 60 / TIMES_AS_FAST
OUTAGE = 5 / TIMES_AS_FAST
PART = 5 * MIB
BYTES_PER_SECOND = 44100 * 4
"""Of the songs."""
TIMEOUT_MS = 1_200_000


def test_no_two_minutes_of_a_network_with_outages_pass_without_a_chunk(
    new_user: Callable[..., App], tmp_path: Path
) -> None:
    minutes: list[int] = []  # in which a chunk arrived, by the number of outages before it

    def note_minute(request: Request) -> None:
        if request.method == "PUT" and "partNumber=" in request.url:
            minutes.append(network.outages)

    film = song(tmp_path, MEGABYTES * 1e6 / BYTES_PER_SECOND, "film.wav")
    memo = song(tmp_path, 0.9 * PART / BYTES_PER_SECOND, "memo.wav")
    parts = ceil(film.stat().st_size / PART) + 1
    with SlowNetwork(RATE) as network:
        app = new_user(proxy=network.proxy)
        app.monitor.allow_errors(NETWORK_ERROR)
        app.page.on("requestfinished", note_minute)
        app.open()
        began = time.monotonic()
        with network.regular_outages(MINUTE, OUTAGE):
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
                print(f"{file.name} has arrived after {seconds:.0f} s, {network.outages} outages")
        for file in (memo, film):
            app.row(file.name).expect_done("MP3")
    print(f"{len(minutes)} of {parts} chunks were answered by S3, in the minutes {minutes}")
    assert minutes[-1] >= 1, "an outage during the uploads"
    silent = set(range(minutes[-1])) - set(minutes)
    assert not {minute for minute in silent if minute + 1 in silent}
