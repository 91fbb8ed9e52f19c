"""Run uploads and event streams as App Runner does: cut, frozen, replaced.

App Runner ends a request after 120 seconds, gives CPU only to an instance that answers one, and
replaces instances at any time. Conversions do not run there (decision 15).
`make test-app-runner` runs it with 20 seeds of `tests/seeds.py`.
"""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Self

import httpx
import pytest

from deploy.local.network import free_port, wait_until_responding
from deploy.local.processes import ROOT, terminate_with_parent
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from libs.core.adapters.aws.named_leases import PREFIX
from services.progress.leased_feed import LEASE_NAME
from tests.audio import song
from tests.faults.app_runner import AppRunner
from tests.faults.invariants import check_end, check_observations
from tests.faults.journeys import PATIENCE, Traveller
from tests.faults.workers import WorkerProcess, eventually
from tests.seeds import draw_seeds
from tests.system.client import Client, Json, is_terminal

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

REQUEST_LIMIT = 3.0
"""Seconds of a request, for the 120 of App Runner."""

REQUESTS: tuple[Json, ...] = ({"format": "mp3"}, {"format": "opus"})


@pytest.fixture(scope="module")
def stack(faulty_stack: EmbeddedStack) -> Iterator[EmbeddedStack]:
    """Return the stack with a worker, and without its own progress service."""
    faulty_stack.kill("progress")
    worker = WorkerProcess(faulty_stack, "app-runner-worker", slots=2)
    yield faulty_stack
    worker.kill()
    faulty_stack.restart("progress")


@pytest.fixture(scope="module")
def upload(stack: EmbeddedStack) -> Iterator[AppRunner]:
    with AppRunner(stack, "upload", 2, REQUEST_LIMIT) as running:
        yield running


@pytest.fixture(scope="module")
def progress(stack: EmbeddedStack) -> Iterator[AppRunner]:
    with AppRunner(stack, "progress", 2, REQUEST_LIMIT) as running:
        yield running


@pytest.fixture(scope="module")
def conversion(stack: EmbeddedStack) -> Iterator[AppRunner]:
    """Run the API of conversions; the worker is elsewhere."""
    with AppRunner(stack, "conversion", 1, REQUEST_LIMIT) as running:
        yield running


@pytest.fixture(scope="module")
def url(
    stack: EmbeddedStack, upload: AppRunner, progress: AppRunner, conversion: AppRunner
) -> Iterator[str]:
    """Run a gateway to the instances."""
    services = {"upload": upload, "progress": progress, "conversion": conversion}
    routes = {name: service.url for name, service in services.items()}
    port = free_port()
    environment = {
        **stack.environment,
        "GATEWAY_ROUTES": json.dumps(routes),
        "GATEWAY_PAGE": str(ROOT / "frontend" / "dist"),
        "GATEWAY_BUCKET_ORIGIN": "http://127.0.0.1",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "deploy.local.gateway"]
    with stack.log("app-runner-gateway").open("wb") as log:
        gateway = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            preexec_fn=terminate_with_parent,
        )
    try:
        assert wait_until_responding(f"http://127.0.0.1:{port}", 60)
        yield f"http://localhost:{port}"
    finally:
        gateway.kill()
        gateway.wait()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a file of two parts."""
    return song(tmp_path_factory.mktemp("audio"), 55).read_bytes()


@pytest.fixture(scope="module")
def hashes(stack: EmbeddedStack, recording: bytes) -> list[str]:
    """Return the hashes of undisturbed results."""
    with Client(stack.url) as client:
        upload = client.upload(recording, "song.wav", list(REQUESTS))
        return [client.until_ended(each)["output"]["sha256"] for each in upload["conversions"]]


class SessionFollower(threading.Thread):
    """Follow the stream of a session as a page does: reconnect with the id of the last event."""

    def __init__(self, url: str, cookies: httpx.Cookies) -> None:
        super().__init__(daemon=True)
        self._client = Client(url)
        self._client.http.cookies.update(cookies)
        self._last: dict[str, str] = {}
        self.stop = threading.Event()
        self.connections = 0
        self.seen: list[Json] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.join(60)
        self._client.http.close()

    def run(self) -> None:
        while not self.stop.is_set():
            self.connections += 1
            try:
                for event, data, last in self._client.events("/api/progress/events", self._last):
                    self._last = {"Last-Event-ID": last} if last else self._last
                    if event == "progress":
                        self.seen.append(data)
                    if self.stop.is_set():
                        break
            except (httpx.TransportError, AssertionError):
                time.sleep(0.2)  # as long as a page waits at least

    def ends(self) -> set[str]:
        """Return the items whose end was told."""
        return {state["id"] for state in self.seen if is_terminal(state)}

    def repeats(self) -> list[Json]:
        """Return the states of an item that came after a later one."""
        newest: dict[str, int] = {}
        found = []
        for state in self.seen:
            if state["version"] < newest.get(state["id"], -1):
                found.append(state)
            newest[state["id"]] = max(newest.get(state["id"], -1), state["version"])
        return found


@pytest.mark.parametrize("seed", draw_seeds())
def test_uploads_and_event_streams_survive_app_runner(
    url: str, upload: AppRunner, progress: AppRunner, recording: bytes, hashes: list[str], seed: int
) -> None:
    rng = random.Random(seed)
    cuts = progress.cuts
    traveller = Traveller(url, recording, REQUESTS, hashes, seed)
    traveller.ask("GET", "/api/uploads")  # begins the session
    with SessionFollower(url, traveller.cookies) as follower:
        traveller.start()
        for service in rng.sample((upload, progress), 2):
            time.sleep(rng.uniform(0, REQUEST_LIMIT))  # the moment is what is drawn here
            service.replace(rng)
        eventually(lambda: progress.cuts > cuts, 60, "a stream is cut")
        traveller.stop.set()
        traveller.join(2 * PATIENCE)
        assert not traveller.is_alive()
        ended = {
            mine.id: traveller.state_of(mine)
            for mine in traveller.conversions
            if not mine.was_deleted
        }
        eventually(lambda: ended.keys() <= follower.ends(), 60, "the stream tells every end")
    traveller.close()

    print(f"{len(ended)} conversions, {follower.connections} connections of the stream")
    assert traveller.conversions
    broken = list(traveller.errors)
    for mine in traveller.conversions:
        broken += check_observations(mine) + check_end(mine, ended.get(mine.id))
    assert broken == []
    assert follower.repeats() == []


def holder_of_the_stream(stack: EmbeddedStack) -> str:
    """Return who holds the lease on the table's stream, when it has just been renewed."""
    assert isinstance(stack.target, EmulatorTarget)
    assert stack.outputs
    table, dynamodb = stack.outputs.table_name, stack.target.client("dynamodb")
    key = {"pk": {"S": f"{PREFIX}{LEASE_NAME}"}}

    def read() -> tuple[str, str]:
        item = dynamodb.get_item(TableName=table, Key=key)["Item"]
        return item["holder"]["S"], item["held_until"]["N"]

    first = read()
    eventually(lambda: read() != first, 60, "the lease is renewed")
    holder, _ = read()
    dynamodb.close()
    return holder


def test_the_tail_moves_away_from_a_frozen_instance(
    stack: EmbeddedStack, url: str, progress: AppRunner
) -> None:
    with Client(url) as client:
        client.http.get("/api/uploads")
        cookies = client.http.cookies
    progress.request_limit = 120
    with SessionFollower(url, cookies) as follower:
        eventually(progress.serving, 60, "a stream")
        (serving,) = progress.serving()
        holder = holder_of_the_stream(stack)
        lost = serving.says("stream.lease_lost")

        progress.cut()  # the next connection is to the other instance, and this one freezes
        began = time.monotonic()
        eventually(lambda: holder_of_the_stream(stack) != holder, 60, "the tail moves")
        print(f"taken over after {time.monotonic() - began:.1f} s")
        assert not serving.in_flight

        progress.cut()  # and back
        eventually(lambda: serving.says("stream.lease_lost") > lost, 60, "the thawed one lets go")
        follower.stop.set()
        progress.request_limit = REQUEST_LIMIT
        progress.cut()
