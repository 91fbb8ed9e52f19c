"""Test clients and storage behind a slow network, which nobody waits for (fault 33).

How long something takes is compared with how long it took before, since machines differ.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median

import httpx
import pytest

from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from libs.core.domain.uploads import MIB
from tests.faults.conftest import REQUESTS, Bucket
from tests.faults.workers import eventually, workers
from tests.system.client import Client, ok, problem
from tests.tcp_proxy import TcpProxy

pytestmark = pytest.mark.stack

CLIENTS = 50
TEN_KILOBYTES = 10_000.0
"""A second, of a slow client."""
FAR = 5.0
"""Seconds of latency: more than any answer is waited for."""
AS_LONG = 15
"""Factor that a call may be slower by while slow clients are connected."""


def seconds_of(what: Callable[[], object]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def undisturbed(what: Callable[[], object]) -> float:
    """Return the seconds that it takes undisturbed, but at least a busy machine's pauses."""
    return max(0.1, median(seconds_of(what) for _ in range(5)))


@contextmanager
def slow_senders(client: Client, network: TcpProxy) -> Iterator[list[httpx.Response]]:
    """Let fifty clients send a part each over this network, until the `with` ends.

    Then the network becomes fast, and the list gets the answers.
    """
    data = bytes(MIB)
    uploads = [client.create(data, "song.wav")["id"] for _ in range(CLIENTS)]
    answers: list[httpx.Response] = []

    def send(upload_id: str) -> None:
        with httpx.Client(base_url=network.url, cookies=client.http.cookies, timeout=None) as slow:
            answers.append(slow.put(f"/api/uploads/{upload_id}/parts/1", content=data))

    with ThreadPoolExecutor(CLIENTS) as pool:
        sending = [pool.submit(send, upload_id) for upload_id in uploads]
        eventually(lambda: network.open == CLIENTS, 30, "all of them send")
        try:
            yield answers
        finally:
            network.rate = float("inf")
    for each in sending:
        each.result()


def test_fifty_slow_senders_delay_nobody_and_some_of_them_succeed(
    faulty_stack: EmbeddedStack,
) -> None:
    upload_service = f"http://127.0.0.1:{faulty_stack.ports['upload']}"
    data = bytes(100_000)

    with Client(upload_service) as quick, TcpProxy(upload_service, rate=TEN_KILOBYTES) as network:

        def whole_upload() -> None:
            upload = quick.create(data, "song.wav")
            quick.put_through_service(upload, data, 1)
            quick.complete(upload)

        before = undisturbed(whole_upload)
        with slow_senders(quick, network) as answers:
            meanwhile = median(seconds_of(whole_upload) for _ in range(5))

    assert meanwhile < AS_LONG * before
    turned_away = [answer for answer in answers if answer.status_code != 200]
    assert len(turned_away) < CLIENTS
    for answer in turned_away:
        problem(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def far_away(faulty_stack: EmbeddedStack) -> Iterator[TcpProxy]:
    """Return a network before the emulator that a test can make slow."""
    assert isinstance(faulty_stack.target, EmulatorTarget)
    with TcpProxy(faulty_stack.target.emulator.endpoint_url) as network:
        yield network


@pytest.mark.long
def test_a_slow_s3_delays_nobody_who_does_not_need_it(
    faulty_stack: EmbeddedStack, client: Client, far_away: TcpProxy, track: bytes
) -> None:
    with workers(faulty_stack, "near"):
        done = client.upload(track, "song.mp3", REQUESTS[0])["conversions"][0]
        client.until_ended(done)

    with (
        workers(faulty_stack, "far-from-s3", slots=0, AWS_ENDPOINT_URL_S3=far_away.url) as (
            service,
        ),
        Client(service.url) as asking,
    ):
        asking.http.cookies = client.http.cookies

        def download() -> tuple[httpx.Response, float]:
            began = time.monotonic()
            return asking.http.get(
                f"/api/conversions/{done}/download", timeout=None
            ), time.monotonic() - began

        def see() -> None:
            ok(asking.http.get(f"/api/conversions/{done}"))

        eventually(service.answers, 30, "it serves")
        before = undisturbed(see)
        far_away.latency = FAR
        with ThreadPoolExecutor(CLIENTS) as pool:
            waiting = [pool.submit(download) for _ in range(CLIENTS)]
            eventually(lambda: far_away.open, 30, "S3 is asked")
            meanwhile = median(seconds_of(see) for _ in range(5))
        told = [each.result() for each in waiting]
        far_away.latency = 0.0
        eventually(lambda: download()[0].status_code == 303, 30, "it is well again")

    assert meanwhile < AS_LONG * before
    for answer, _ in told:
        problem(answer, 503, "storage_unavailable")
    # Some are told after one try and some after three, but nobody waits for a thread besides.
    assert max(seconds for _, seconds in told) < 5 * min(seconds for _, seconds in told)


@pytest.mark.long
def test_a_worker_behind_a_slow_network_leaves_the_work_to_others(
    faulty_stack: EmbeddedStack,
    client: Client,
    far_away: TcpProxy,
    bucket: Bucket,
    track: bytes,
    hashes: list[str],
) -> None:
    """Its network is slow even then: a source of a megabyte takes some seconds."""
    with workers(faulty_stack, "far", slots=2, AWS_ENDPOINT_URL=far_away.url) as (far,):
        eventually(far.answers, 30, "it works")
        far_away.latency = FAR
        eventually(
            lambda: any(event["event"] == "background.step_failed" for event in far.events()),
            60,
            "it has noticed",
        )
        upload = client.upload(track, "song.mp3", list(REQUESTS))
        with workers(faulty_stack, "near"):
            ended = [client.until_ended(conversion_id) for conversion_id in upload["conversions"]]
        assert far.process.poll() is None

        far_away.latency, far_away.rate = 0.0, 400_000.0
        ended.append(client.until_ended(client.convert(upload["id"], **REQUESTS[0])["id"]))

    assert [(each["status"], each["attempts"]) for each in ended] == [("completed", 1)] * len(ended)
    assert [each["output"]["sha256"] for each in ended] == [*hashes, hashes[0]]
    bucket.sweep()
    assert [len(bucket.outputs_of(each["id"])) for each in ended] == [1] * len(ended)
