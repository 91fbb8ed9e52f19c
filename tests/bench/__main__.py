"""Compare conversions of the embedded stack with plain FFmpeg: `make bench-conversion`.

Both run in turn, so that load of the machine affects both. Plain FFmpeg is the same binary with the
same options, from disk to disk. Our time is from the request, for a file that is uploaded already,
to `completed`. The fastest round of each counts, because other load of the machine only adds time
and meets two processes more than one. The ratio of the medians is printed too. Compare ratios, not
seconds.
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

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from tests.audio import run_ffmpeg
from tests.bench.engine import MUSIC, PAIRS, PLAIN
from tests.bench.footprint import Footprint
from tests.system.client import Client, Json

LIMITS = {"wav-mp3": 1.10, "flac-m4a": 1.10, "mp3-opus": 1.10}
"""Maximum of our time ÷ plain FFmpeg."""

BY_HAND_LIMIT = 0.8
"""Maximum for wav-flac of our time ÷ (boto3 download, then FFmpeg, then boto3 upload)."""

SONG_LIMIT = 0.5
"""Maximum seconds from `complete` of a 3 MB song to `completed`, minus plain FFmpeg."""

MIN_TOTAL_SECONDS = 15.0
"""Minimum time of all rounds of a line; a few short rounds vary by a tenth."""

TIMEOUT = 3600.0
"""Maximum seconds of one conversion."""


class Bench:
    """Run all measurements on one stack, and collect the limits that were exceeded."""

    def __init__(self, stack: EmbeddedStack, folder: Path, rounds: int) -> None:
        self.stack = stack
        self.folder = folder
        self.rounds = rounds
        self.client = Client(stack.url)
        self.missed: list[str] = []

    def pair(self, name: str, minutes: float) -> None:
        """Measure one pair of formats, and print its line."""
        kind, fmt = PAIRS[name]
        source = self._source(kind, minutes * 60)
        upload = self._upload(source)
        out = self.folder / f"out.{fmt}"
        other = self._by_hand if name == "wav-flac" else self._plain
        theirs: list[float] = []
        ours: list[float] = []
        writes = 0
        footprint, plain = Footprint(self.stack.processes["conversion"].pid), Footprint(os.getpid())
        while len(ours) < self.rounds or sum(ours) < MIN_TOTAL_SECONDS:
            with plain:
                theirs.append(timed(lambda: other(source, fmt, out)))
            with footprint:
                conversion = self._convert(upload, fmt)
            ours.append(conversion["seconds"])
            writes = max(writes, conversion["version"] - 1 - int(conversion["seconds"]))
        ratio = min(ours) / min(theirs)
        medians = statistics.median(ours) / statistics.median(theirs)
        limit = LIMITS.get(name, BY_HAND_LIMIT)
        against = "download + ffmpeg + upload" if name == "wav-flac" else "ffmpeg"
        columns = (
            f"{name:<9} {minutes:>4g} min",
            f"{against:<26} {min(theirs):>7.2f} s",
            f"ours {min(ours):>7.2f} s",
            f"ratio {ratio:.2f} (≤ {limit:.2f}), of medians {medians:.2f}",
            f"{footprint}, plain ffmpeg {plain.child_mib} MiB",
            f"writes beyond one a second: {writes}",
        )
        print("  ".join(columns), flush=True)
        self._check(f"{name} {minutes:g} min", ratio, limit)
        self.client.http.delete(f"/api/uploads/{upload['id']}")

    def song(self) -> None:
        """Measure a 3 MB song from completion to download."""
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
        size = f"{len(data) / 1e6:.1f} MB"
        result = f"{median:.2f} s over plain ffmpeg (≤ {SONG_LIMIT})"
        print(f"song of {size}, completion to download: {result}")
        self._check("song", median, SONG_LIMIT)

    def large(self, gigabytes: float) -> None:
        """Measure memory and disk writes of a large WAV to FLAC conversion."""
        source = self._source("wav", gigabytes * 1024**3 / (44100 * 4))
        upload = self._upload(source)
        with Footprint(self.stack.processes["conversion"].pid) as footprint:
            conversion = self._convert(upload, "flac")
        with Footprint(os.getpid()) as plain:
            self._plain(source, "flac", self.folder / "out.flac")
        result = f"{conversion['seconds']:.1f} s  {footprint}"
        print(f"{gigabytes:g} GiB wav-flac: {result}  (plain ffmpeg: {plain.child_mib} MiB)")
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
        """Upload part by part, which keeps the memory of the benchmark small."""
        size = source.stat().st_size
        created = self.client.http.post(
            "/api/uploads", json={"filename": source.name, "size": size}
        )
        upload: Json = created.json()
        with source.open("rb") as file:
            for number in range(1, upload["part_count"] + 1):
                part = file.read(upload["part_size"])
                self.client.http.put(
                    f"/api/uploads/{upload['id']}/parts/{number}", content=part
                ).raise_for_status()
        return self.client.complete(upload)

    def _convert(self, upload: Json, fmt: str) -> Json:
        options = (
            {"bitrate": "192k"}
            if fmt in ("mp3", "m4a")
            else {"bitrate": "128k"}
            if fmt == "opus"
            else {}
        )
        made = self.client.convert(upload["id"], format=fmt, **options)
        conversion = self._completed(made["id"])
        return {
            **conversion,
            "seconds": epoch(conversion["finished_at"]) - epoch(conversion["created_at"]),
        }

    def _completed(self, conversion_id: str) -> Json:
        """Wait for a conversion by its event stream, and return it.

        Polling would add its own load. The end is `finished_at`, not the time of the event.
        """
        *_, last = self.client.follow(conversion_id, TIMEOUT)
        conversion = self.client.conversion(conversion_id)
        assert last["status"] == conversion["status"] == "completed", conversion
        return conversion

    def _plain(self, source: Path, fmt: str, out: Path) -> None:
        run_ffmpeg("-v", "error", "-i", str(source), "-map", "0:a:0", *PLAIN[fmt], str(out))

    def _by_hand(self, source: Path, fmt: str, out: Path) -> None:
        """Run download, conversion and upload one after another, as a simple script does."""
        environment, outputs = self.stack.environment, self.stack.outputs
        assert outputs
        s3 = boto3.client(
            "s3",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        key = f"bench/{source.name}"
        if not s3.list_objects_v2(Bucket=outputs.bucket_name, Prefix=key).get("Contents"):
            s3.upload_file(str(source), outputs.bucket_name, key)
        copy = self.folder / f"copy.{source.suffix}"
        s3.download_file(outputs.bucket_name, key, str(copy))
        self._plain(copy, fmt, out)
        s3.upload_file(str(out), outputs.bucket_name, f"bench/out.{fmt}")


def epoch(moment: str) -> float:
    """Convert an RFC 3339 time to seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main() -> int:
    """Print the table, and return exit status 1 if a limit was exceeded."""
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("--minutes", type=float, nargs="*", default=[10, 60])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--gigabytes", type=float, default=2)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory(dir="/dev/shm") as logs:
        folder = Path(name)
        # Logs are kept in memory, so that the kernel counts only what conversions write.
        (folder / "stack").mkdir()
        (folder / "stack" / "logs").symlink_to(logs)
        with EmbeddedStack(
            folder / "stack", free_port(), settings={"TINYPIXO_SWEEP_EVERY": "0"}
        ) as stack:
            bench = Bench(stack, folder, options.rounds)
            bench.song()
            for minutes in options.minutes:
                for pair in PAIRS:
                    bench.pair(pair, minutes)
            if options.gigabytes:
                bench.large(options.gigabytes)
    print(
        "\n".join(["", "Exceeded:", *bench.missed] if bench.missed else ["", "No limit exceeded."])
    )
    return 1 if bench.missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
