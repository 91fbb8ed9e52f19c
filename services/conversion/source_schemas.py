"""Define the JSON documents of probed sources."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from libs.core.domain.conversions import Source, Track
from libs.core.web.schemas import Schema, unless_none

Seconds = Annotated[float, Meta(description="seconds")]


class TrackSchema(Schema, kw_only=True):
    """Describe one audio track; `index` is what a request names as its `track`."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    default: Annotated[bool, Meta(description="converted if the request names no track")]
    language: Annotated[str, Meta(description="ISO 639")] | UnsetType = UNSET
    title: str | UnsetType = UNSET

    @classmethod
    def of(cls, track: Track) -> "TrackSchema":
        """Return the document of a track."""
        return cls(
            index=track.index,
            codec=track.codec,
            channels=track.channels,
            sample_rate=track.sample_rate,
            default=track.default,
            language=unless_none(track.language),
            title=unless_none(track.title),
        )


class SourceSchema(Schema, kw_only=True):
    """Describe the sound that probing found in an upload."""

    codec: str
    container: str
    duration: Seconds | UnsetType = UNSET
    sample_rate: int
    channels: int
    bit_depth: int | UnsetType = UNSET
    bitrate: Annotated[int, Meta(description="bits a second")]
    tags: dict[str, str]
    has_cover: bool
    tracks: Annotated[list[TrackSchema], Meta(description="all audio tracks")]

    @classmethod
    def of(cls, source: Source | None) -> "SourceSchema | UnsetType":
        """Return the document of a source, UNSET before it was probed."""
        if source is None:
            return UNSET
        return cls(
            codec=source.codec,
            container=source.container,
            duration=unless_none(source.duration),
            sample_rate=source.sample_rate,
            channels=source.channels,
            bit_depth=unless_none(source.bit_depth),
            bitrate=source.bitrate,
            tags=dict(source.tags),
            has_cover=source.has_cover,
            tracks=[TrackSchema.of(track) for track in source.tracks],
        )
