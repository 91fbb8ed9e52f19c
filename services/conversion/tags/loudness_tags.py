"""Remove tags that a conversion makes untrue, and convert those about loudness.

ReplayGain 2.0 states the gain to −18 LUFS in dB, Opus the gain to −23 LUFS in 1/256 dB (RFC 7845,
section 5.2.1, which forbids ReplayGain in Opus).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.conversion.tags.names import SOUND_CHECK
from services.conversion.tags.source_tags import Tags

_GAIN = re.compile(r"([+-]?\d{1,3}(?:\.\d{1,10})?)\s*(?:dB)?", re.IGNORECASE)
_Q7_8 = re.compile(r"[+-]?\d{1,6}")
_REFERENCE_DIFFERENCE = 5.0
"""dB between −18 and −23 LUFS."""
_STEPS = 256
_INT_16 = 2**15
_OF_LOUDNESS = re.compile(r"replaygain_.*|r128_.*|itunnorm", re.IGNORECASE)
_OF_TRACK = re.compile(r"replaygain_track_.*|r128_track_.*|itunnorm", re.IGNORECASE)
_OF_PLACES = re.compile(r"cuesheet|time_reference|accuraterip.*", re.IGNORECASE)
"""They name times in the sound, or its samples."""
_OF_ENCODING = re.compile(r"mp3gain_.*", re.IGNORECASE)
_SECTIONS = (
    ("replaygain_track_gain", "R128_TRACK_GAIN"),
    ("replaygain_album_gain", "R128_ALBUM_GAIN"),
)


@dataclass(frozen=True)
class Changes:
    """Say what a conversion changes."""

    level: bool = False
    """Samples are louder or quieter: normalised, faded or mixed."""
    length: bool = False
    """Only a part of the sound is converted."""


@dataclass(frozen=True)
class AdaptedTags:
    """Hold the tags that stay, and the names of those that do not."""

    tags: Tags
    outdated: Sequence[str] = ()
    unsupported: Sequence[str] = ()


def adapt(tags: Tags, changes: Changes, *, is_opus: bool) -> AdaptedTags:
    """Return the tags that are true of the output, by the names that the format uses."""
    untrue = [_OF_ENCODING]
    if changes.level:
        untrue += [_OF_LOUDNESS]
    if changes.length:
        untrue += [_OF_TRACK, _OF_PLACES]
    outdated = [name for name in tags if any(each.fullmatch(name) for each in untrue)]
    kept = {name: values for name, values in tags.items() if name not in outdated}
    if not is_opus:
        return AdaptedTags(_from_r128(kept), outdated)
    in_r128 = _to_r128(kept)
    unsupported = [name for name in in_r128 if name.lower().startswith("replaygain_")]
    unsupported += [name for name in in_r128 if name == SOUND_CHECK]
    rest = {name: values for name, values in in_r128.items() if name not in unsupported}
    return AdaptedTags(rest, outdated, unsupported)


def _to_r128(tags: Tags) -> Tags:
    found = dict(tags)
    present = {name.upper() for name in tags}
    for gain, r128 in _SECTIONS:
        match = _GAIN.fullmatch(tags[gain][0].strip()) if gain in tags else None
        if match:
            value = round((float(match[1]) - _REFERENCE_DIFFERENCE) * _STEPS)
            if r128 not in present:
                found[r128] = [str(max(-_INT_16, min(_INT_16 - 1, value)))]
            del found[gain]
    return found


def _from_r128(tags: Tags) -> Tags:
    found = dict(tags)
    for gain, r128 in _SECTIONS:
        for name in [name for name in tags if name.upper() == r128]:
            if _Q7_8.fullmatch(value := tags[name][0].strip()):
                exact = int(value) / _STEPS + _REFERENCE_DIFFERENCE
                found.setdefault(gain, [f"{exact:+.2f} dB"])
                del found[name]
    return found
