"""Real files, small, made by FFmpeg when first asked for: every container and codec of the matrix."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.engine.support import ffmpeg
from tests.fault_injection import eventually

TONES = "aevalsrc=0.4*sin(440*2*PI*t)*(0.6+0.4*sin(3*t))|0.4*sin(554*2*PI*t+sin(2*t)):s={rate}:d={seconds}"
CHAPTERS = """;FFMETADATA1
title=Ein Lied; mit = Zeichen #1
artist=Jörg Ärger
album=Das Album
album_artist=Various
date=2024
genre=Jazz
track=3
comment=Two\\
lines
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=Anfang
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=2000
title=Schluß
"""


class Sounds:
    """Makes each file once per session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.cover = folder / "cover.png"
        ffmpeg(
            "-f",
            "lavfi",
            "-i",
            "testsrc=s=64x48",
            "-frames:v",
            "1",
            "-fflags",
            "+bitexact",
            self.cover,
        )
        (folder / "tags.txt").write_text(CHAPTERS)

    def tone(self, name: str, *options: str, seconds: float = 2, rate: int = 44100) -> Path:
        """A changing tone in both ears, encoded by the options."""
        path = self._folder / name
        if not path.exists():
            ffmpeg("-f", "lavfi", "-i", TONES.format(rate=rate, seconds=seconds), *options, path)
        return path

    def tagged(
        self, name: str, *options: str, cover: bool = False, seconds: float = 2, rate: int = 44100
    ) -> Path:
        """A tone with tags and chapters, and with a cover picture."""
        path = self._folder / name
        if not path.exists():
            inputs = [
                "-f",
                "lavfi",
                "-i",
                TONES.format(rate=rate, seconds=seconds),
                "-i",
                str(self._folder / "tags.txt"),
            ]
            picture = (
                [
                    "-i",
                    str(self.cover),
                    "-map",
                    "0",
                    "-map",
                    "2",
                    "-c:v",
                    "copy",
                    "-disposition:v",
                    "attached_pic",
                ]
                if cover
                else []
            )
            inputs += picture[:2]
            ffmpeg(
                *inputs, *picture[2:], "-map_metadata", "1", "-map_chapters", "1", *options, path
            )
        return path

    def video(self, name: str, *options: str) -> Path:
        path = self._folder / name
        if not path.exists():
            picture = ["-f", "lavfi", "-i", "testsrc=s=320x240:d=2:r=25"]
            ffmpeg(
                *picture, "-f", "lavfi", "-i", TONES.format(rate=44100, seconds=2), *options, path
            )
        return path


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Sounds:
    return Sounds(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def engine() -> FfmpegEngine:
    return FfmpegEngine()


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Puts a result where plain FFmpeg and mutagen can read it."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(autouse=True)
def started() -> Iterator[Callable[[], set[int]]]:
    """The children that the test has started. After it none is left of them, and as many descriptors are open as before."""
    descriptors, others = _open_descriptors(), _children()
    yield lambda: _children() - others
    eventually(lambda: _open_descriptors() <= descriptors)  # large files are closed aside
    assert _children() <= others


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def _children() -> set[int]:
    """Of this process, dead ones that nobody waited for included. Other tests' stack is among them: not to be killed."""
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            found.update(map(int, task.read_text().split()))
    return found
