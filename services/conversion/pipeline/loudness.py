"""Normalise loudness to a target (EBU R 128): choose the correction from a measurement."""

import math

from libs.core.domain.conversions import ConversionWarning
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.pipeline.plan import TRUE_PEAK

_BLOCK = 4096
_MIN_LOUDNESS = -70.0
"""LUFS; the absolute gate of EBU R 128."""
MEASURE = "loudnorm=print_format=json"
"""The filter that measures."""


def correction(
    log: FfmpegLog, target: float, resampling: str
) -> tuple[list[str], ConversionWarning | None]:
    """Return the filters that bring the sound to `target` LUFS, and a warning if they cannot.

    They apply one gain to the whole range if the peaks allow it. Otherwise the second pass of
    loudnorm limits the peaks, which changes the dynamics. It works at 192 kHz and may output a
    second of sound at a time, more than a FLAC block holds, so the block size is restored, and the
    rate by the filter `resampling`.
    """
    if log.format_changed:
        return [], ConversionWarning(
            "not_normalised",
            "The loudness was left as it is, because this file changes its sample format.",
        )
    try:
        measured = log.loudness()
        loudness, peak, span, threshold = (
            measured[f"input_{name}"] for name in ("i", "tp", "lra", "thresh")
        )
    except (ValueError, KeyError):
        loudness = -math.inf
    if not math.isfinite(loudness) or loudness <= _MIN_LOUDNESS:
        return [], ConversionWarning(
            "not_normalised",
            "The loudness was left as it is, because there is too little sound to measure.",
        )
    gain = target - loudness
    if peak + gain <= TRUE_PEAK:
        return [f"volume={gain:.2f}dB:precision=double"], None
    options = {
        "I": target,
        "TP": TRUE_PEAK,
        # At least the source's own range, or loudnorm would compress it.
        "LRA": min(50.0, max(7.0, math.ceil(span))),
        "measured_I": max(-99.0, min(0.0, loudness)),
        "measured_TP": max(-99.0, min(99.0, peak)),
        "measured_LRA": span,
        "measured_thresh": max(-99.0, min(0.0, threshold)),
    }
    arguments = ":".join(f"{name}={value:.2f}" for name, value in options.items())
    return (
        [f"loudnorm={arguments}", resampling, f"asetnsamples={_BLOCK}:pad=0"],
        ConversionWarning(
            "peaks_limited",
            "The peaks were limited to avoid clipping, so the result may be quieter than"
            f" {target:g} LUFS.",
        ),
    )
