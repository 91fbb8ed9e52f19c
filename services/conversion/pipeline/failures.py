"""Name the failures of the steps of a conversion, with the codes of docs/api.md."""

from libs.core.domain.uploads import Failure
from services.conversion.ffmpeg.log import FfmpegLog

NOT_AUDIO = Failure(
    "not_audio",
    "This file isn't audio or video that TinyPixo can read. Check that you chose the right one.",
)
NO_AUDIO = Failure(
    "no_audio_stream",
    "This file has no sound. Choose one with an audio track.",
)
CORRUPT = Failure(
    "corrupt",
    "This file is damaged: its sound can't be read. Try another copy of it.",
)
INCOMPLETE = Failure(
    "corrupt",
    "This file is incomplete: its index is missing, as after an interrupted recording or download."
    " Try another copy of it.",
    "index_missing",
)
EMPTY = Failure(
    "no_audio_stream",
    "This file has no sound: it has an audio track, but nothing was recorded in it.",
    "empty_track",
)
PROTECTED = Failure(
    "unsupported_codec",
    "This file is copy-protected (DRM), so TinyPixo can't read its sound. Use a copy without"
    " protection.",
    "protected",
)
START_AFTER_END = Failure(
    "corrupt",
    "The start that you chose is after the end of the sound. Choose an earlier start.",
    "start_after_end",
)
RANGE_TOO_SHORT = Failure(
    "corrupt",
    "The part that you chose is shorter than one sample. Choose a longer one.",
    "range_too_short",
)
TIMED_OUT = Failure("timed_out", "Converting this file took too long, so it was stopped.")
TOO_SLOW = Failure(
    "timed_out",
    "Converting this file would take longer than we allow. Choose a shorter part of it, or another"
    " format.",
    "too_slow",
)
TOO_MUCH_MEMORY = Failure(
    "too_large",
    "Converting this file needs more memory than we allow.",
    "too_much_memory",
)
TOO_LARGE = Failure(
    "too_large",
    "The result would be larger than TinyPixo can store. Choose a smaller format, or a shorter"
    " part of the file.",
)
INTERNAL = Failure(
    "internal",
    "Something went wrong on our side while converting. Please try again.",
)

_SIGNATURES = (
    b"fLaC", b"OggS", b"FORM", b"caff", b"MAC ", b"wvpk", b"TTA1", b"#!AM", b"\x1aE\xdf\xa3",
    b"0&\xb2u", b".snd", b"RF64",
)  # fmt: skip


_PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"crx ", b"jxl ")
"""Brands of photos in the container of MP4."""
_ARCHIVES = (b"PK\3\4", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b\x08")


def is_archive(head: bytes) -> bool:
    """Return True for a ZIP file and its like, in which FFmpeg would find pieces of MP3 files."""
    return head.startswith(_ARCHIVES)


def unsupported_codec(codec: str) -> Failure:
    """Return why to refuse sound that no decoder reads."""
    named = "" if codec in ("none", "unknown", "") else f" ({codec})"
    return Failure(
        "unsupported_codec",
        f"TinyPixo can't read this kind of audio{named}. Save the file in another format first.",
    )


def no_such_track(requested: int, count: int) -> Failure:
    """Return why to refuse a request for a track that the file does not have.

    `requested` counts from 0, and the sentence from 1, as the page does.
    """
    have = "1 audio track" if count == 1 else f"{count} audio tracks"
    return Failure(
        "no_audio_stream",
        f"This file has {have}, so there is no track {requested + 1}. Choose another one.",
        "no_such_track",
    )


def too_many_channels(channels: int, max_channels: int) -> Failure:
    """Return why to refuse a source with more channels than any output format takes."""
    return Failure(
        "unsupported_codec",
        f"This file has {channels} channels. TinyPixo converts up to {max_channels} channels.",
        "too_many_channels",
    )


def too_many_tracks(max_tracks: int) -> Failure:
    """Return why to refuse a source with more tracks of any kind than FFmpeg is to read."""
    return Failure(
        "unsupported_codec",
        f"This file has more than {max_tracks} tracks. Save the one you need in a file of its own.",
        "too_many_tracks",
    )


def unsupported_rate(rate: int, min_rate: int, max_rate: int) -> Failure:
    """Return why to refuse a source with an unusual sample rate; all rates in hertz."""
    return Failure(
        "unsupported_codec",
        f"This file has {rate} samples per second. TinyPixo converts {min_rate} to {max_rate}.",
        "unsupported_sample_rate",
    )


def too_long(max_duration: float) -> Failure:
    """Return why to refuse a source that is longer than `max_duration` seconds."""
    return Failure(
        "too_long",
        f"This file is longer than the {max_duration / 3600:g} hours that TinyPixo converts."
        " Choose a shorter part of it.",
    )


def classify_unreadable(log: FfmpegLog, signature: bytes) -> Failure:
    """Return why FFmpeg could not open a source that begins with `signature`."""
    if log.unsupported_codecs:
        return unsupported_codec(log.unsupported_codecs[0])
    if signature[4:8] == b"ftyp" and signature[8:12] in _PICTURE_BRANDS:
        return NOT_AUDIO
    if any("moov atom not found" in message for message in log.messages):
        return INCOMPLETE
    return CORRUPT if has_media_signature(signature) else NOT_AUDIO


def has_media_signature(head: bytes) -> bool:
    """Return True if the first bytes look like a supported audio container."""
    return (
        head[:4] in _SIGNATURES
        or head[4:8] in (b"ftyp", b"moov", b"mdat")
        or head[:3] == b"ID3"
        or (head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI "))
    )
