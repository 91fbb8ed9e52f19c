"""Choose the audio track to convert: the requested one, or the default one of the file."""

from collections.abc import Sequence
from dataclasses import replace

from libs.core.domain.conversions import Track
from libs.core.domain.item_text import limit_tracks
from services.conversion.ffmpeg.audio_stream import AudioStream
from services.conversion.ffmpeg.log import FfmpegLog
from services.conversion.pipeline import failures
from services.conversion.ports import MediaError

_AUXILIARY = frozenset({
    "comment", "visual impaired", "hearing impaired", "clean effects", "karaoke", "lyrics",
    "descriptions",
})  # fmt: skip
"""Dispositions of tracks that accompany the main one."""
_UNNAMED = ("", "none", "unknown")
_MAX_NAMED = 6
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")


def choose_stream(log: FfmpegLog, requested: int | None) -> AudioStream | None:
    """Return the stream to convert, or None if the source has no audio track.

    Raises MediaError if the requested track does not exist.
    """
    streams = log.audio_streams
    if not streams:
        return None
    if requested is not None and requested >= len(streams):
        raise MediaError(failures.no_such_track(requested, len(streams)))
    stream = streams[find_default(log) if requested is None else requested]
    return replace(stream, layout="") if stream.index in log.guessed_layouts else stream


def find_default(log: FfmpegLog) -> int:
    """Return the index of the default audio track: one that can be read, if there is one.

    Files mark no track or several tracks as their default ones; then the first of them counts that
    is not a commentary or the like.
    """

    def rank(index: int) -> tuple[bool, bool, bool, int]:
        stream = log.audio_streams[index]
        return (
            not is_readable(log, stream),
            "default" not in stream.dispositions,
            bool(stream.dispositions & _AUXILIARY),
            index,
        )

    return min(range(len(log.audio_streams)), key=rank)


def is_readable(log: FfmpegLog, stream: AudioStream) -> bool:
    """Return False if no decoder reads the stream."""
    # FFmpeg asks the decoder for the sample format.
    known = stream.codec not in _UNNAMED and stream.codec not in log.unsupported_codecs
    return known and bool(stream.sample_format)


def list_tracks(log: FfmpegLog) -> tuple[Track, ...]:
    """Return the audio tracks for the API, as many as a request may choose of."""
    default = find_default(log) if log.audio_streams else 0
    return limit_tracks(
        [
            Track(
                index=index,
                codec=stream.codec,
                channels=stream.channels,
                sample_rate=stream.sample_rate,
                default=index == default,
                language=_printable(stream.language) or None,
                title=_printable(stream.title) or None,
            )
            for index, stream in enumerate(log.audio_streams)
        ]
    )


def describe_choice(log: FfmpegLog) -> str | None:
    """Return a sentence on the track that was chosen by default, None if there is one only."""
    streams = log.audio_streams
    if len(streams) < 2:
        return None
    chosen = find_default(log)
    reason = ""
    if chosen and "default" in streams[chosen].dispositions:
        reason = ", which the file marks as its default,"
    unreadable = _name_unreadable(log, streams[:chosen])
    if unreadable and not reason:
        reason = f", because TinyPixo can't read {unreadable},"
    chosen_one = f"The {_ordinal(chosen)} one{reason} was converted."
    return f"This file has {len(streams)} audio tracks. {chosen_one}"


def _name_unreadable(log: FfmpegLog, streams: Sequence[AudioStream]) -> str:
    names = [stream.codec for stream in streams if not is_readable(log, stream)]
    named = dict.fromkeys(name for name in names if name not in _UNNAMED)
    return " and ".join(list(named)[:_MAX_NAMED])


def _ordinal(index: int) -> str:
    return _ORDINALS[index] if index < len(_ORDINALS) else f"{index + 1}th"


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()
