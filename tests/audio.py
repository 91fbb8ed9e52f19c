"""Real audio for tests, made by the packaged ffmpeg when asked for; and the truth about a file, by decoding it."""

import re
import subprocess
from functools import cache
from pathlib import Path

import imageio_ffmpeg


@cache
def ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Plain ffmpeg, without any of our own code around it."""
    command = [ffmpeg(), "-hide_banner", "-nostdin", "-y", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done


def song(folder: Path, seconds: float, name: str = "song.wav", *options: str) -> Path:
    """Two voices that change, so that no codec gets away with nothing: `seconds` of stereo at 44.1 kHz."""
    path = folder / name
    voices = ("sine=f=440:beep_factor=4", "anoisesrc=c=pink:a=0.3:seed=7")
    inputs = [argument for voice in voices for argument in ("-f", "lavfi", "-t", str(seconds), "-i", voice)]
    run(*inputs, "-filter_complex", "[0][1]amerge=inputs=2", "-ar", "44100", *options, str(path))
    return path


def decoded_seconds(path: Path) -> float:
    """How long a file lasts when every sample of it is decoded."""
    said = run("-i", str(path), "-map", "0:a:0", "-f", "null", "-").stderr.decode(errors="replace")
    hours, minutes, seconds = re.findall(r"time=(\d+):(\d+):([\d.]+)", said)[-1]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
