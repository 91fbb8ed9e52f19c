"""`make bench-conversion`: the embedded stack against plain FFmpeg, in turn, so that a noisy machine is noisy for both.

Plain FFmpeg: same binary, same options, disk to disk. Ours: from the request (the file is uploaded already) to
`completed`. Medians of the rounds; compare ratios, not seconds.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import boto3

from deploy.local.emulator import free_port
from deploy.local.stack import EmbeddedStack
from tests.audio import run_ffmpeg
from tests.bench.engine import MUSIC, PAIRS, PLAIN
from tests.bench.footprint import Footprint
from tests.system.client import Client, Json

LIMITS = {"wav-mp3": 1.10, "flac-m4a": 1.10, "mp3-opus": 1.10}
"""Ours ÷ plain FFmpeg, at most."""

BY_HAND_LIMIT = 0.8
"""wav-flac: ours ÷ (boto3 download + plain FFmpeg + boto3 upload, one after another), at most."""

SONG_LIMIT = 0.5
"""Seconds from `complete` of a 3 MB song to `completed`, over plain FFmpeg, at most."""

LEAST_SECONDS = 15.0
"""Of conversions in each line: the median of three that take less than a second each differs by a tenth from run to run."""

PATIENCE = 3600.0
"""Seconds for one conversion."""


class Bench:
    """One run of everything, on one stack."""

    def __init__(self, stack: EmbeddedStack, folder: Path, rounds: int) -> None:
        self.stack = stack
        self.folder = folder
        self.rounds = rounds
        self.client = Client(stack.url)
        self.missed: list[str] = []

    def pair(self, name: str, minutes: float) -> None:
        """One line of the table."""
        kind, fmt = PAIRS[name]
        source = self._source(kind, minutes * 60)
        upload = self._upload(source)
        out = self.folder / f"out.{fmt}"
        other = self._by_hand if name == "wav-flac" else self._plain
        theirs: list[float] = []
        ours: list[float] = []
        writes = 0
        footprint, plain = Footprint(self.stack.processes["conversion"].pid), Footprint(os.getpid())
        while len(ours) < self.rounds or sum(ours) < LEAST_SECONDS:
            with plain:
                theirs.append(timed(lambda: other(source, fmt, out)))
            with footprint:
                conversion = self._convert(upload, fmt)
            ours.append(conversion["seconds"])
            writes = max(writes, conversion["version"] - 1 - int(conversion["seconds"]))
        ratio = statistics.median(ours) / statistics.median(theirs)
        limit = LIMITS.get(name, BY_HAND_LIMIT)
        against = "download + ffmpeg + upload" if name == "wav-flac" else "ffmpeg"
        print(
            f"{name:<9} {minutes:>4g} min  {against:<26} {statistics.median(theirs):>7.2f} s  ours {statistics.median(ours):>7.2f} s"
            f"  ratio {ratio:.2f} (≤ {limit:.2f})  {footprint}, plain ffmpeg {plain.child_mib} MiB  writes beyond one a second: {writes}",
            flush=True,
        )
        self._check(f"{name} {minutes:g} min", ratio, limit)
        self.client.http.delete(f"/api/uploads/{upload['id']}")

    def song(self) -> None:
        """A 3 MB song, from complete to downloadable."""
        source = self._source("mp3", 125)
        data = source.read_bytes()
        over = []
        for _ in range(max(5, self.rounds)):
            plain = timed(lambda: self._plain(source, "m4a", self.folder / "out.m4a"))
            upload = self.client.create(data, source.name, {"format": "m4a", "bitrate": "192k"})
            self.client.send(upload, data)
            began = time.time()
            self.client.complete(upload)
            conversion = self._completed(upload["conversions"][0])
            over.append(epoch(conversion["finished_at"]) - began - plain)
        median = statistics.median(over)
        print(f"song of {len(data) / 1e6:.1f} MB, complete to downloadable: {median:.2f} s over plain ffmpeg (≤ {SONG_LIMIT})")
        self._check("song", median, SONG_LIMIT)

    def large(self, gigabytes: float) -> None:
        """Memory and disk for a large WAV → FLAC."""
        source = self._source("wav", gigabytes * 1024**3 / (44100 * 4))
        upload = self._upload(source)
        with Footprint(self.stack.processes["conversion"].pid) as footprint:
            conversion = self._convert(upload, "flac")
        with Footprint(os.getpid()) as plain:
            self._plain(source, "flac", self.folder / "out.flac")
        print(f"{gigabytes:g} GiB wav-flac: {conversion['seconds']:.1f} s  {footprint}  (plain ffmpeg: {plain.child_mib} MiB)")
        self._check("Python's memory, MiB", footprint.python_mib, 150)
        self._check("bytes written to disk", footprint.written, 0)

    def _check(self, what: str, value: float, limit: float) -> None:
        if value > limit:
            self.missed.append(f"{what}: {value:.2f} instead of at most {limit:g}")

    def _source(self, kind: str, seconds: float) -> Path:
        path = self.folder / f"in-{seconds:.0f}.{kind}"
        if not path.exists():
            options = ["-b:a", "192k"] if kind == "mp3" else ["-sample_fmt", "s16"]
            run_ffmpeg("-f", "lavfi", "-i", MUSIC.format(seconds), *options, str(path))
        return path

    def _upload(self, source: Path) -> Json:
        """Part by part, so that the bench itself stays small."""
        size = source.stat().st_size
        created = self.client.http.post("/api/uploads", json={"filename": source.name, "size": size})
        upload: Json = created.json()
        with source.open("rb") as file:
            for number in range(1, upload["part_count"] + 1):
                part = file.read(upload["part_size"])
                self.client.http.put(f"/api/uploads/{upload['id']}/parts/{number}", content=part).raise_for_status()
        return self.client.complete(upload)

    def _convert(self, upload: Json, fmt: str) -> Json:
        options = {"bitrate": "192k"} if fmt in ("mp3", "m4a") else {"bitrate": "128k"} if fmt == "opus" else {}
        made = self.client.convert(upload["id"], format=fmt, **options)
        conversion = self._completed(made["id"])
        return {**conversion, "seconds": epoch(conversion["finished_at"]) - epoch(conversion["created_at"])}

    def _completed(self, conversion_id: str) -> Json:
        """Told by its event stream, as the page is: who polls twenty times a second measures the polling.

        The end itself is `finished_at`: from then on a download is answered, whenever we hear of it.
        """
        *_, last = self.client.follow(conversion_id, PATIENCE)
        conversion = self.client.conversion(conversion_id)
        assert last["status"] == conversion["status"] == "completed", conversion
        return conversion

    def _plain(self, source: Path, fmt: str, out: Path) -> None:
        run_ffmpeg("-v", "error", "-i", str(source), "-map", "0:a:0", *PLAIN[fmt], str(out))

    def _by_hand(self, source: Path, fmt: str, out: Path) -> None:
        """What anybody would write first: download, convert, upload, each after the other."""
        environment, outputs = self.stack.environment, self.stack.outputs
        assert outputs
        s3 = boto3.client(
            "s3",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        key = f"bench/{source.name}"
        if not s3.list_objects_v2(Bucket=outputs.bucket_name, Prefix=key).get("Contents"):
            s3.upload_file(str(source), outputs.bucket_name, key)
        copy = self.folder / f"copy.{source.suffix}"
        s3.download_file(outputs.bucket_name, key, str(copy))
        self._plain(copy, fmt, out)
        s3.upload_file(str(out), outputs.bucket_name, f"bench/out.{fmt}")


def epoch(moment: str) -> float:
    """Seconds since 1970 of an RFC 3339 time."""
    return datetime.fromisoformat(moment).timestamp()


def timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main() -> int:
    """Prints the table; exit status 1 when a limit was missed."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("--minutes", type=float, nargs="*", default=[10, 60])
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--gigabytes", type=float, default=2)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(dir="/dev/shm") as logs:
        folder = Path(name)
        # The services' logs go to memory, so that what the kernel counts as written is the conversion's alone.
        (folder / "stack").mkdir()
        (folder / "stack" / "logs").symlink_to(logs)
        with EmbeddedStack(folder / "stack", free_port(), settings={"TINYPIXO_SWEEP_EVERY": "0"}) as stack:
            bench = Bench(stack, folder, options.rounds)
            bench.song()
            for minutes in options.minutes:
                for pair in PAIRS:
                    bench.pair(pair, minutes)
            if options.gigabytes:
                bench.large(options.gigabytes)
    print("\n".join(["", "Missed:", *bench.missed] if bench.missed else ["", "All limits kept."]))
    return 1 if bench.missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
