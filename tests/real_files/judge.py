"""Judge a conversion by plain FFmpeg: its decoded samples are compared by numpy."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.media_support import FFMPEG, Made, convert
from tests.conversion.pcm import Samples, parse_wav

DAMAGE = ("source_damaged", "source_truncated", "source_incomplete", "sound_shorter")
_SECONDS = 60
_MAX_DIFFERENCE = 0.01
"""Rounding to 16 bits with dither, and the decoders' own rounding, are far below."""


@dataclass(frozen=True)
class Outcome:
    """Hold what became of a file, in one word and its reason."""

    verdict: str
    """`same` as plain FFmpeg decodes it, `differs`, or `refused`."""
    reason: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.verdict} {self.reason}".strip()


def judge(engine: FfmpegEngine, path: Path) -> Outcome:
    """Convert a file to WAV, and compare it with what plain FFmpeg decodes."""
    try:
        made = convert(engine, path, "wav")
    except MediaError as error:
        return Outcome("refused", error.code, error.detail)
    codes = sorted({w.code for w in made.result.warning_details if w.code in DAMAGE})
    details = "; ".join(w.detail for w in made.result.warning_details if w.code in DAMAGE)
    difference = _difference(made, path)
    if difference:
        return Outcome("differs", " ".join([difference, *codes]), details)
    return Outcome("same", " ".join(codes), details)


def _difference(made: Made, path: Path) -> str:
    """Return how the result differs from plain FFmpeg's, "" if it does not."""
    theirs, ours = _decode(path.read_bytes(), path), _decode(made.content)
    if theirs is None or ours is None:
        return "plain FFmpeg decodes nothing" if theirs is None else "the result does not open"
    if theirs.shape[0] != ours.shape[0]:
        return f"{ours.shape[0]} instead of {theirs.shape[0]} channels"
    count = min(theirs.shape[1], ours.shape[1])
    if abs(theirs.shape[1] - ours.shape[1]) > 1:
        return f"{ours.shape[1]} instead of {theirs.shape[1]} samples"
    clipped = np.clip(theirs[:, :count], -1, 1)
    worst = float(np.abs(clipped - np.clip(ours[:, :count], -1, 1)).max()) if count else 0.0
    return f"samples by {worst:.3f}" if worst > _MAX_DIFFERENCE else ""


def _decode(content: bytes, path: Path | None = None) -> Samples | None:
    source = ["-i", str(path)] if path else ["-f", "wav", "-i", "pipe:0"]
    command = [FFMPEG, "-v", "error", *source, "-vn", "-c:a", "pcm_f64le", "-f", "wav"]
    done = subprocess.run(
        [*command, "-bitexact", "-"],
        input=None if path else content, capture_output=True, check=False, timeout=_SECONDS,
    )  # fmt: skip
    try:
        return parse_wav(done.stdout).samples
    except ValueError:
        return None
