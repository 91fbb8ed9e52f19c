"""Call the emulator, and measure its memory."""

import os
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from deploy.local.bootstrap import Clients, StackOutputs, deploy_stack
from deploy.local.emulator.process import MiniStack

PART = os.urandom(5 << 20)
ORIGIN = "http://localhost:8000"


def client_factory(emulator: MiniStack) -> Callable[[str], Any]:
    """Return a factory of clients for the emulator."""
    session: Any = boto3.Session(*emulator.credentials, region_name="eu-west-1")
    config = Config(
        signature_version="s3v4",
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path"},
    )
    return lambda name: session.client(name, endpoint_url=emulator.endpoint_url, config=config)


def deploy(emulator: MiniStack) -> StackOutputs:
    return deploy_stack(Clients.create(client_factory(emulator)))


def restart(emulator: MiniStack) -> None:
    emulator.stop()
    emulator.start()


def stream(emulator: MiniStack, arn: str) -> list[Any]:
    """Return all records of the table's stream."""
    streams = client_factory(emulator)("dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )
    return list(streams.get_records(ShardIterator=start["ShardIterator"])["Records"])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def parts_of(emulator: MiniStack) -> Path:
    """Return the folder of the parts of open uploads."""
    return emulator._data / "state" / "parts"


class MemoryGrowth:
    """Measure how far the emulator's anonymous memory grows inside a `with` block, in bytes."""

    def __init__(self, emulator: MiniStack) -> None:
        self._status = Path(f"/proc/{emulator.pid}/status")
        self._over = threading.Event()
        self._seen: list[int] = []
        self._thread = threading.Thread(target=self._look)

    @property
    def bytes(self) -> int:
        return max(self._seen) - self._seen[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.002) or not self._seen:
            found = re.search(r"RssAnon:\s+(\d+) kB", self._status.read_text())
            assert found
            self._seen.append(int(found[1]) * 1024)


def peak_memory(emulator: MiniStack) -> int:
    """Return the peak resident memory of the emulator, in bytes."""
    status = Path(f"/proc/{emulator.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10
