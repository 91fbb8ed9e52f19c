"""Normalising loudness to a target (EBU R128): the correction that follows from a measurement."""

import math

from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.pipeline.plan import TRUE_PEAK

_BLOCK = 4096
MEASURE = "loudnorm=print_format=json"
"""The filter that makes the measurement."""


def correction(report: FfmpegLog, target: float, sample_rate: int) -> tuple[list[str], str | None]:
    """The filters that bring the sound to `target` LUFS, and a sentence where it will not be as plain as that.

    One gain for the whole piece, where its peaks allow that. Else loudnorm's second pass limits them, which changes the dynamics;
    it works at 192 kHz and may hand out a second of sound at a time, more than FLAC takes as a block: rate and blocks are restored.
    """
    if report.format_changed:
        return [], "The loudness was left as it is: this file changes its form in the middle."
    try:
        measured = report.loudness()
        loudness, peak, span, threshold = (
            measured[f"input_{name}"] for name in ("i", "tp", "lra", "thresh")
        )
    except (ValueError, KeyError):
        loudness = -math.inf
    if not math.isfinite(loudness) or loudness <= -70:
        return (
            [],
            "The loudness was left as it is: there is nothing to hear, or too little to measure.",
        )
    gain = target - loudness
    if peak + gain <= TRUE_PEAK:
        return [f"volume={gain:.2f}dB:precision=double"], None
    options = {
        "I": target,
        "TP": TRUE_PEAK,
        "LRA": min(
            50.0, max(7.0, math.ceil(span))
        ),  # at least the source's own, or loudnorm would compress
        "measured_I": max(-99.0, min(0.0, loudness)),
        "measured_TP": max(-99.0, min(99.0, peak)),
        "measured_LRA": span,
        "measured_thresh": max(-99.0, min(0.0, threshold)),
    }
    words = ":".join(f"{name}={value:.2f}" for name, value in options.items())
    filters = [f"loudnorm={words}", f"aresample={sample_rate}", f"asetnsamples={_BLOCK}:pad=0"]
    return (
        filters,
        f"The peaks were limited, so the result may be quieter than {target:g} LUFS: else they would have been clipped.",
    )
