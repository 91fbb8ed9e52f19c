"""Correct FFmpeg where it takes integers for floating point.

FFmpeg mistakes 24-bit integers in 32-bit containers for the "24.0 float" format of Adobe Audition,
which no header declares. Microsoft's WAVEFORMATEXTENSIBLE defines the fields of the header.
"""

from collections.abc import Sequence
from dataclasses import replace

from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.log import FfmpegLog

_EXTENSIBLE = b"\xfe\xff"
_PCM = bytes.fromhex("0100000000001000800000aa00389b71")
PADDED_DECODER = ("-c:a", "pcm_s32le")
"""Input options that make FFmpeg read integers of 32 bits."""


def correct_pcm(log: FfmpegLog, head: bytes) -> None:
    """Describe a WAV file as its header does; `head` is the beginning of the file."""
    fmt = head.find(b"fmt ") + 8
    if log.container != "wav" or [each.codec for each in log.audio_streams] != ["pcm_f24le"]:
        return
    if head[fmt : fmt + 2] == _EXTENSIBLE and head[fmt + 24 : fmt + 40] == _PCM:
        as_integer = replace(log.audio_streams[0], codec="pcm_s32le", sample_format="s32", bits=24)
        log.audio_streams[:] = [as_integer]
        # FFmpeg counts three bytes a sample.
        log.duration = log.duration and log.duration * 3 / 4


def decoder_options(stream: AudioStream) -> Sequence[str]:
    """Return the input options for a stream that may have been corrected."""
    is_padded = (stream.codec, stream.bits) == ("pcm_s32le", 24)
    return PADDED_DECODER if is_padded else ()
