"""Compare the conversion engine with plain FFmpeg: `python -m tests.bench.engine`.

Each pair is converted in turn by plain FFmpeg from disk to disk, and by the engine from and to
memory, with the same binary and options. The median of the rounds counts. The engine's time
includes probing, validation and hashing.
"""

import argparse
import hashlib
import mmap
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import imageio_ffmpeg

from libs.core.domain.formats import ConversionOptions
from libs.core.ports.multipart_uploads import Part
from services.conversion.ffmpeg.resampling import resample_filter
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import PART_SIZE, ConversionJob, OutputSink, SourceBytes

PAIRS = {
    "wav-mp3": ("wav", "mp3"),
    "flac-m4a": ("flac", "m4a"),
    "mp3-opus": ("mp3", "opus"),
    "wav-flac": ("wav", "flac"),
}
PLAIN = {
    "mp3": ["-c:a", "libmp3lame", "-b:a", "192k", "-id3v2_version", "3"],
    "m4a": ["-c:a", "aac", "-b:a", "192k", "-moov_size", "2000000", "-f", "ipod"],
    "opus": ["-af", resample_filter(48_000), "-c:a", "libopus", "-b:a", "128k"],
    "flac": ["-c:a", "flac", "-frame_size", "4608"],
}
MUSIC = (
    "aevalsrc=0.3*sin(440*2*PI*t)*sin(3*t)+0.1*random(0)"
    "|0.3*sin(554*2*PI*t+sin(2*t))+0.1*random(1):s=44100:d={}"
)


class MappedSource(SourceBytes):
    """Read the source from the page cache, as plain FFmpeg does."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self.size = len(self._bytes)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, 256 * 1024):
            yield self._bytes[at : min(at + 256 * 1024, end)]


class InMemorySink(OutputSink):
    """Keep the output parts in memory."""

    def __init__(self) -> None:
        self._parts: dict[int, bytes] = {}

    def stored_parts(self) -> Sequence[Part]:
        return ()

    def put_part(self, number: int, body: bytes | memoryview) -> Part:
        self._parts[number] = bytes(body)
        return Part(number, len(body), hashlib.md5(body).hexdigest())

    def finish(self, parts: Sequence[Part], size: int) -> str:
        return "x"

    def finish_small(self, body: bytes) -> str:
        return "x"

    def read_back(self, start: int, end: int) -> Iterator[bytes]:
        yield self._parts[start // PART_SIZE + 1][start % PART_SIZE :][: end - start]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("pairs", nargs="*", default=list(PAIRS))
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    engine = FfmpegEngine()
    print(f"{engine.version}; {options.minutes:g} minutes, median of {options.rounds}, seconds")
    print(f"{'pair':<10} {'plain':>8} {'engine':>8} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for pair in options.pairs:
            kind, fmt = PAIRS[pair]
            source = _source(Path(folder), kind, options.minutes * 60)
            plain, ours = [], []
            for _ in range(options.rounds):
                plain.append(_plain(source, fmt, Path(folder) / f"out.{fmt}"))
                ours.append(_engine(engine, source, fmt))
            theirs, our = statistics.median(plain), statistics.median(ours)
            print(f"{pair:<10} {theirs:>8.2f} {our:>8.2f} {our / theirs:>6.2f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak memory of Python: {peak} MiB, with the results in it")


def _source(folder: Path, kind: str, seconds: float) -> Path:
    path = folder / f"in.{kind}"
    if not path.exists():
        _ffmpeg(
            "-f",
            "lavfi",
            "-i",
            MUSIC.format(seconds),
            *(["-b:a", "192k"] if kind == "mp3" else ["-sample_fmt", "s16"]),
            str(path),
        )
    return path


def _plain(source: Path, fmt: str, out: Path) -> float:
    began = time.monotonic()
    _ffmpeg("-i", str(source), "-map", "0:a:0", *PLAIN[fmt], str(out))
    return time.monotonic() - began


def _engine(engine: FfmpegEngine, source: Path, fmt: str) -> float:
    mapped = MappedSource(source)
    began = time.monotonic()
    engine.convert(
        ConversionJob(fmt, ConversionOptions(), "bench"), mapped, InMemorySink(), lambda _tick: None
    )
    return time.monotonic() - began


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments], check=True
    )


if __name__ == "__main__":
    main()
