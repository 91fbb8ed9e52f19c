"""Decode results with plain FFmpeg and measure their samples with numpy."""

import re
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.conversion.media_support import FFMPEG, ffmpeg

Samples = NDArray[np.float64]

SPEAKERS = (
    "FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC", "TFR",
    "TBL", "TBC", "TBR",
)  # fmt: skip
"""The bits of WAVEFORMATEXTENSIBLE's channel mask (Microsoft, ksmedia.h)."""
_LISTED = re.compile(r"Audio: .*\d+ channels \(([A-Z+]+)\)")
"""A layout in an order of its own, which a WAV file cannot express."""
_DEFAULTS = {1: ("FC",), 2: ("FL", "FR")}


@dataclass(frozen=True)
class Pcm:
    """Hold decoded sound: one row of samples per channel, 1.0 is full scale."""

    sample_rate: int
    speakers: tuple[str, ...]
    samples: Samples

    def channel(self, speaker: str) -> Samples:
        """Return the samples of one speaker."""
        row: Samples = self.samples[self.speakers.index(speaker)]
        return row

    @property
    def peak(self) -> float:
        """Return the level of the loudest sample in dB relative to full scale."""
        return decibels(float(np.abs(self.samples).max()))


def decode(path: Path, *options: str) -> Pcm:
    """Decode the default audio stream of a file; `options` are FFmpeg's, after the input."""
    command = [FFMPEG, "-v", "error", "-nostdin", "-i", str(path), *options]
    command += ["-c:a", "pcm_f64le", "-f", "wav", "-bitexact", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    pcm = parse_wav(done.stdout)
    if pcm.speakers[0] == "c0" and (names := _LISTED.search(ffmpeg("-i", path, "-f", "null", "-"))):
        return replace(pcm, speakers=tuple(names[1].split("+")))
    return pcm


def parse_wav(wav: bytes) -> Pcm:
    """Parse a WAV file of 64-bit floating point samples that was written to a pipe."""
    fmt, data = wav.index(b"fmt ") + 8, wav.index(b"data") + 8
    channels, sample_rate = struct.unpack_from("<HI", wav, fmt + 2)
    mask = struct.unpack_from("<I", wav, fmt + 20)[0] if wav[fmt : fmt + 2] == b"\xfe\xff" else 0
    speakers = tuple(name for bit, name in enumerate(SPEAKERS) if mask >> bit & 1)
    samples = np.frombuffer(wav[data:], "<f8").reshape(-1, channels).T
    unnamed = _DEFAULTS.get(channels, tuple(f"c{number}" for number in range(channels)))
    return Pcm(sample_rate, speakers or unnamed, samples)


def decibels(amplitude: float) -> float:
    """Return an amplitude in dB relative to full scale; silence is -300 dB."""
    return float(20 * np.log10(max(amplitude, 1e-15)))


def tone_levels(
    samples: Samples, sample_rate: int, frequencies: Sequence[float]
) -> dict[float, float]:
    """Return the amplitude in dB of sine waves of the given frequencies."""
    times = np.arange(len(samples)) / sample_rate
    window = np.hanning(len(samples))
    scale = window.sum() / 2
    return {
        frequency: decibels(
            abs(np.sum(samples * window * np.exp(-2j * np.pi * frequency * times))) / scale
        )
        for frequency in frequencies
    }


def spectrum(samples: Samples) -> Samples:
    """Return the amplitudes in dB of all frequencies from 0 to half the sample rate."""
    window: Any = np.kaiser(len(samples), 24)
    amplitudes = np.abs(np.fft.rfft(samples * window)) / (window.sum() / 2)
    levels: Samples = 20 * np.log10(amplitudes + 1e-15)
    return levels
