"""Compare uploads of the embedded stack with boto3's `upload_file`: `make bench-upload`.

Both send the same file to the same S3, in turn, so that load of the machine affects both; the
medians of the rounds count. Ours is a client of four lanes with presigned URLs, from the request
for an upload to `uploaded`; theirs is boto3 as its documentation shows it. Then many uploads run at
once.
"""

import argparse
import hashlib
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from libs.core.domain.uploads import MIB, source_key
from tests.bench.footprint import Footprint
from tests.system.client import Client, Json, ok

LANES = 4
SIGN = 16
REPORT = 8
MIN_RATIO = 0.95
"""Minimum of our throughput ÷ boto3's."""


class Lane:
    """Send parts over one kept connection to S3."""

    def __init__(self) -> None:
        self._connection: HTTPConnection | None = None

    def put(self, part: Json, body: bytes) -> None:
        url = urlsplit(part["url"])
        self._connection = self._connection or HTTPConnection(url.netloc, timeout=60)
        headers = {**part["headers"], "Content-Length": str(len(body))}
        self._connection.request("PUT", f"{url.path}?{url.query}", body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text

    def close(self) -> None:
        if self._connection:
            self._connection.close()


class Sender:
    """Send one file in parallel lanes; sign ahead, and report several parts at once."""

    def __init__(self, client: Client, path: Path) -> None:
        self._client = client
        self._path = path
        self._lock = threading.Lock()
        self._urls: dict[int, Json] = {}
        self._arrived: list[int] = []

    def send(self, lanes: int = LANES) -> Json:
        """Return the finished upload."""
        size = self._path.stat().st_size
        body = {"filename": self._path.name, "size": size}
        upload = post(self._client, "/api/uploads", body, 201)
        numbers = iter(range(1, upload["part_count"] + 1))
        with ThreadPoolExecutor(lanes) as pool:
            for lane in [pool.submit(self._run, upload, numbers) for _ in range(lanes)]:
                lane.result()
        self._report(upload, 1)
        return post(self._client, f"/api/uploads/{upload['id']}/complete", {})

    def _run(self, upload: Json, numbers: Iterator[int]) -> None:
        lane = Lane()
        with self._path.open("rb", buffering=0) as file:
            while (part := self._next(upload, numbers)) is not None:
                body = os.pread(
                    file.fileno(),
                    upload["part_size"],
                    (part["part_number"] - 1) * upload["part_size"],
                )
                lane.put(part, body)
                with self._lock:
                    self._arrived.append(part["part_number"])
                self._report(upload, REPORT)
        lane.close()

    def _next(self, upload: Json, numbers: Iterator[int]) -> Json | None:
        with self._lock:
            number = next(numbers, None)
            if number is None:
                return None
            if number not in self._urls:
                last = min(number + SIGN, upload["part_count"] + 1)
                path = f"/api/uploads/{upload['id']}/parts/sign"
                asked = {"part_numbers": list(range(number, last))}
                for part in post(self._client, path, asked)["parts"]:
                    self._urls[part["part_number"]] = part
            return self._urls.pop(number)

    def _report(self, upload: Json, at_least: int) -> None:
        with self._lock:
            if len(self._arrived) < at_least:
                return
            arrived, self._arrived = self._arrived, []
        path = f"/api/uploads/{upload['id']}/parts"
        post(self._client, path, {"part_numbers": arrived})


class UploadBench:
    """Run all measurements on one stack, and collect the limits that were missed."""

    def __init__(self, stack: EmbeddedStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.missed: list[str] = []
        environment = stack.environment
        self._s3 = boto3.client(
            "s3",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        assert stack.outputs
        self._bucket = stack.outputs.bucket_name

    def against_boto3(self, size: int, rounds: int) -> None:
        """Send one large file by both in turn."""
        path = self.folder / "large.wav"
        digest = write_random(path, size, seed=1)
        ours: list[float] = []
        theirs: list[float] = []
        pid = self.stack.processes["upload"].pid
        footprint, seconds = Footprint(pid), 0.0
        for _ in range(rounds):
            began = time.monotonic()
            self._s3.upload_file(str(path), self._bucket, "bench/large")
            theirs.append(time.monotonic() - began)
            self._s3.delete_object(Bucket=self._bucket, Key="bench/large")
            with open_client(self.stack.url) as client:
                before = cpu_seconds(pid)
                with footprint:
                    began = time.monotonic()
                    upload = Sender(client, path).send()
                    ours.append(time.monotonic() - began)
                seconds += cpu_seconds(pid) - before
                assert self._digest(upload) == digest, "the object differs from the file"
                client.http.delete(f"/api/uploads/{upload['id']}")
        ratio = statistics.median(theirs) / statistics.median(ours)
        gib = size / 1024 / MIB
        print(
            f"{gib:g} GiB in {LANES} lanes {statistics.median(ours):.2f} s, "
            f"boto3 {statistics.median(theirs):.2f} s: ratio {ratio:.2f} (≥ {MIN_RATIO:.2f}); "
            f"upload service {seconds / rounds / gib:.2f} CPU s per GiB, "
            f"{footprint.python_mib} MiB at most",
            flush=True,
        )
        if ratio < MIN_RATIO:
            self.missed.append(f"throughput: {ratio:.2f} of boto3's instead of {MIN_RATIO:g}")

    def at_once(self, count: int, size: int) -> None:
        """Send many files at once, each by a session of its own that watches its progress."""
        began = time.monotonic()
        with ThreadPoolExecutor(count) as pool:
            mixed = [name for name in pool.map(lambda n: self._one(n, size), range(count)) if name]
        print(
            f"{count} uploads of {size // MIB} MiB at once: {time.monotonic() - began:.1f} s, "
            f"{len(mixed)} mixed",
            flush=True,
        )
        self.missed += mixed

    def _one(self, number: int, size: int) -> str | None:
        """Return what went wrong with one upload, or None."""
        path = self.folder / f"{number}.wav"
        digest = write_random(path, size + number, seed=number)
        with open_client(self.stack.url) as client:
            upload = Sender(client, path).send(lanes=1)
            progress = get(client, f"/api/progress/{upload['id']}")
            listed = get(client, "/api/uploads")["items"]
        shown = (progress["size"], progress["uploaded_bytes"], progress["percent"])
        if [each["id"] for each in listed] != [upload["id"]]:
            return f"upload {number}: its session sees other uploads"
        if shown != (size + number, size + number, 100):
            return f"upload {number}: its progress shows {shown}"
        return None if self._digest(upload) == digest else f"upload {number}: other bytes"

    def _digest(self, upload: Json) -> str:
        body: Any = self._s3.get_object(Bucket=self._bucket, Key=source_key(upload["id"]))["Body"]
        digest = hashlib.sha256()
        for block in body.iter_chunks(MIB):
            digest.update(block)
        return digest.hexdigest()


def post(client: Client, path: str, body: Json, status: int = 200) -> Json:
    return ok(repeated(lambda: client.http.post(path, json=body)), status)


def get(client: Client, path: str) -> Json:
    return ok(repeated(lambda: client.http.get(path)))


def repeated(send: Callable[[], httpx.Response]) -> httpx.Response:
    """Send a request, again where the service asks for that because the emulator is busy."""
    while (answer := send()).status_code == 503:
        time.sleep(float(answer.headers["Retry-After"]))
    return answer


def open_client(url: str) -> Client:
    """Return a client that keeps no idle connection, which a server may close at any moment."""
    client = Client(url)
    client.http.close()
    client.http = httpx.Client(
        base_url=url, timeout=120, limits=httpx.Limits(max_keepalive_connections=0)
    )
    return client


def write_random(path: Path, size: int, seed: int) -> str:
    """Write random bytes, and return their SHA-256."""
    source, digest = random.Random(seed), hashlib.sha256()
    with path.open("wb") as file:
        while size:
            block = source.randbytes(min(size, MIB))
            digest.update(block)
            file.write(block)
            size -= len(block)
    return digest.hexdigest()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, of user and system together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Print the results, and return exit status 1 if a limit was missed."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.upload", description=__doc__)
    arguments.add_argument("--mib", type=int, default=1024, help="size of the large file")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--uploads", type=int, default=50, help="uploads at once")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedStack(folder / "stack", free_port()) as stack:
            bench = UploadBench(stack, folder)
            bench.against_boto3(options.mib * MIB, options.rounds)
            bench.at_once(options.uploads, 20 * MIB)
    print("\n".join(["", "Missed:", *bench.missed] if bench.missed else ["", "No limit missed."]))
    return 1 if bench.missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
