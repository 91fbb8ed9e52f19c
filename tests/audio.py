"""Make audio files with the packaged FFmpeg, and measure files by decoding them."""

import re
import subprocess
from functools import cache
from pathlib import Path

import imageio_ffmpeg


@cache
def ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def run_ffmpeg(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run plain FFmpeg, without any code of ours around it. Fail if it reports an error."""
    command = [ffmpeg(), "-hide_banner", "-nostdin", "-y", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done


def song(folder: Path, seconds: float, name: str = "song.wav", *options: str) -> Path:
    """Make a stereo file at 44.1 kHz and return its path.

    A beeping sine and pink noise on its two channels keep any codec from compressing it to
    almost nothing.
    """
    path = folder / name
    voices = ("sine=f=440:beep_factor=4", "anoisesrc=c=pink:a=0.3:seed=7")
    inputs = [
        argument
        for voice in voices
        for argument in ("-f", "lavfi", "-t", str(seconds), "-i", voice)
    ]
    mix = ("-filter_complex", "[0][1]amerge=inputs=2", "-ar", "44100")
    run_ffmpeg(*inputs, *mix, *options, str(path))
    return path


def decoded_seconds(path: Path) -> float:
    """Return the duration of a file after decoding every sample of it."""
    decode = ("-map", "0:a:0", "-f", "null", "-")
    log = run_ffmpeg("-i", str(path), *decode).stderr.decode(errors="replace")
    hours, minutes, seconds = re.findall(r"time=(\d+):(\d+):([\d.]+)", log)[-1]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
