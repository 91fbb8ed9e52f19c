"""Make small audio files by FFmpeg, in every container and codec of the matrix."""

import zlib
from pathlib import Path

from tests.conversion.media_support import ffmpeg

TONES = (
    "aevalsrc=0.4*sin(440*2*PI*t)*(0.6+0.4*sin(3*t))"
    "|0.4*sin(554*2*PI*t+sin(2*t)):s={rate}:d={seconds}"
)
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


class AudioFiles:
    """Make each file once per session."""

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
        """Return a file with a changing stereo tone, encoded by the options."""
        # Tests of several files may give one name to different sounds.
        made_by = zlib.crc32(repr((options, seconds, rate)).encode())
        path = self._folder / f"{made_by:08x}" / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            ffmpeg("-f", "lavfi", "-i", TONES.format(rate=rate, seconds=seconds), *options, path)
        return path

    def tagged(
        self, name: str, *options: str, cover: bool = False, seconds: float = 2, rate: int = 44100
    ) -> Path:
        """Return a tone with tags and chapters, and with a cover if `cover` is true."""
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
        """Return a video with a tone."""
        path = self._folder / name
        if not path.exists():
            picture = ["-f", "lavfi", "-i", "testsrc=s=320x240:d=2:r=25"]
            ffmpeg(
                *picture, "-f", "lavfi", "-i", TONES.format(rate=44100, seconds=2), *options, path
            )
        return path
