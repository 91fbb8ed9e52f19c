"""Find what an encoder added before and behind the sound, where FFmpeg does not.

FFmpeg reads the header of LAME in MP3, and the edit lists and `iTunSMPB` of MP4. iTunes writes its
own tag into MP3, too: four hexadecimal numbers of samples, of which the second is the delay, the
third the padding, and the fourth the sound.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.log import FfmpegLog

_COUNTS = re.compile(
    r"\s*[0-9A-F]{1,8} ([0-9A-F]{1,8}) ([0-9A-F]{1,8}) ([0-9A-F]{1,16})(?:\s|$)", re.IGNORECASE
)
_MOST_ADDED = 16_384
"""Samples, as in FFmpeg's reader of MP4; a frame has 1,152."""
_DECODER_DELAY = 529
"""Samples. LAME's encoder.h has 528 as the delay of most decoders (DECDELAY), and FFmpeg's mp3dec.c
removes one more behind LAME's own delay. Files of iTunes begin there: those of beets' tests have
the same sound as lossless ones of one second, 1,057 samples late, and a delay of 528."""
_FRAME_OF_LOW_RATES = 576
_TOLERANCE = 0.1
"""Seconds by which the duration of the file may differ: FFmpeg estimates that of MP3."""


@dataclass(frozen=True)
class KeptSamples:
    """Say which of the decoded samples are the sound."""

    skipped: int
    count: int

    def of(self, decoded: int) -> int:
        """Return how many of so many decoded samples are kept."""
        return max(0, min(self.count, decoded - self.skipped))

    @property
    def filters(self) -> list[str]:
        """Return the filters that keep them; time stamps come next."""
        return [f"atrim=start_sample={self.skipped}:end_sample={self.skipped + self.count}"]


def find_kept(log: FfmpegLog, stream: AudioStream, tags: Mapping[str, str]) -> KeptSamples | None:
    """Return what iTunes says of an MP3 file, or None.

    The tag is not believed beside a header of LAME, nor if its numbers are those of another file:
    programs copy it.
    """
    match = _COUNTS.match(tags.get("itunsmpb", ""))
    if not match or log.container != "mp3" or log.start > 0 or log.duration is None:
        return None
    delay, padding, count = (int(each, 16) for each in match.groups())
    total = delay + padding + count
    is_whole = not total % _FRAME_OF_LOW_RATES
    is_this_file = abs(total / stream.sample_rate - log.duration) < _TOLERANCE
    if max(delay, padding) > _MOST_ADDED or not (count and is_whole and is_this_file):
        return None
    return KeptSamples(delay + _DECODER_DELAY, count)
