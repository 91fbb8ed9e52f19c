"""Why FFmpeg could not: its words and exit code to a code of API.md and a sentence for the person."""

from services.conversion.ffmpeg.log import FfmpegLog

NOT_AUDIO = (
    "not_audio",
    "This file is not audio or video that we can read. Please check that it is the file you meant.",
)
NO_AUDIO = ("no_audio_stream", "There is no sound in this file: it has no audio track.")
CORRUPT = ("corrupt", "This file is damaged: its sound cannot be read.")
INCOMPLETE = (
    "corrupt",
    "This file is incomplete: its index is missing, as after a recording or download that broke off.",
)
INTERNAL = ("internal", "Something went wrong on our side while converting. Please try again.")


def unsupported(codec: str) -> tuple[str, str]:
    """For audio of a kind that we do not decode."""
    named = "" if codec in ("none", "unknown", "") else f" ({codec})"
    return "unsupported_codec", f"The sound in this file is of a kind{named} that we cannot read."


def classify_unreadable(report: FfmpegLog, head: bytes) -> tuple[str, str]:
    """For a source that could not be opened; `head` is its beginning."""
    words = "\n".join(report.messages)
    if "moov atom not found" in words:
        return INCOMPLETE
    if looks_like_media(head):
        return CORRUPT
    return NOT_AUDIO


def looks_like_media(head: bytes) -> bool:
    """Whether a file begins as sound does that we could read, were it whole."""
    if head[:4] in (
        b"fLaC",
        b"OggS",
        b"FORM",
        b"caff",
        b"MAC ",
        b"wvpk",
        b"TTA1",
        b"#!AM",
        b"\x1aE\xdf\xa3",
        b"0&\xb2u",
        b".snd",
        b"RF64",
    ):
        return True
    return (
        head[4:8] in (b"ftyp", b"moov", b"mdat")
        or head[:3] == b"ID3"
        or (head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI "))
    )
