"""Choose how the tags, the cover and the chapters are written, and warn about what is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import ConversionWarning
from services.conversion.ffmpeg.ffmetadata import Chapter, Metadata, chapter_comments
from services.conversion.ffmpeg.profiles import EncoderProfile
from services.conversion.pipeline.read_tags import enumerate_names
from services.conversion.tags import asf_header, id3_tag, mp4_atoms, vorbis_comment
from services.conversion.tags.asf_header import AsfHeader
from services.conversion.tags.cover import Cover
from services.conversion.tags.loudness_tags import Changes, adapt
from services.conversion.tags.mp4_index import Mp4Meta
from services.conversion.tags.names import BROADCAST, BY_NAME
from services.conversion.tags.placement import (
    ChunkAtEnd,
    FlacBlocks,
    Id3AtStart,
    OggComments,
    Placement,
)
from services.conversion.tags.source_tags import Tags

_ID3_OPTIONS = {
    "mp3": (("-id3v2_version", "4"), ("-id3v2_version", "0")),
    "adts": (("-write_id3v2", "1"), ("-write_id3v2", "0")),
}
"""Options of each muxer for a file with an ID3v2 tag, and for one without."""
_ID3_PADDING = 1024
"""Empty bytes at the end of the tag, so that other programs can add to it in place."""


@dataclass(frozen=True)
class PreparedTags:
    """Hold what FFmpeg writes, and what `placement` puts into its output afterwards."""

    for_ffmpeg: Metadata
    muxer_options: Sequence[str] = ()
    placement: Placement | None = None


def prepare_tags(
    profile: EncoderProfile,
    tags: Tags,
    cover: Cover | None,
    chapters: Sequence[Chapter],
    changes: Changes,
    warnings: list[ConversionWarning],
) -> PreparedTags:
    """Return how the format holds the tags; add warnings about those that are left out."""
    if not profile.tags:
        _warn_of_nothing_kept(tags, chapters, warnings)
        return PreparedTags(Metadata({}))
    if chapters and not profile.chapters:
        warnings.append(
            ConversionWarning(
                "chapters_dropped", "The chapters were left out: this format can't hold them."
            )
        )
    adapted = adapt(tags, changes, is_opus=profile.muxer == "opus")
    _warn(warnings, "tags_outdated", "because they are no longer true", adapted.outdated)
    _warn(warnings, "tags_dropped", "because this format can't hold them", adapted.unsupported)
    return _PREPARE[profile.tags](profile, adapted.tags, cover, chapters)


def _warn_of_nothing_kept(
    tags: Tags, chapters: Sequence[Chapter], warnings: list[ConversionWarning]
) -> None:
    for kind, found in (("tags", tags), ("chapters", chapters)):
        if found:
            held = "any" if kind == "tags" else "them"
            warnings.append(
                ConversionWarning(
                    f"{kind}_dropped", f"The {kind} were left out: this format can't hold {held}."
                )
            )


def _warn(warnings: list[ConversionWarning], code: str, reason: str, names: Sequence[str]) -> None:
    if names:
        detail = f"These tags were left out, {reason}: {enumerate_names(names)}."
        warnings.append(ConversionWarning(code, detail))


def _id3(
    profile: EncoderProfile, tags: Tags, cover: Cover | None, chapters: Sequence[Chapter]
) -> PreparedTags:
    with_tag, without_tag = _ID3_OPTIONS[profile.muxer]
    tag = id3_tag.render(tags, cover, chapters, _ID3_PADDING)
    if not tag:
        return PreparedTags(Metadata({}), without_tag)
    padding = str(len(tag) - id3_tag.HEADER_SIZE)
    return PreparedTags(
        Metadata({}), (*with_tag, "-metadata_header_padding", padding), Id3AtStart(tag)
    )


def _flac(
    _profile: EncoderProfile, tags: Tags, cover: Cover | None, chapters: Sequence[Chapter]
) -> PreparedTags:
    comments = [*vorbis_comment.comments_of(tags), *chapter_comments(chapters).items()]
    picture = vorbis_comment.picture_block(cover) if cover else b""
    if not comments and not picture:
        return PreparedTags(Metadata({}))
    placement = FlacBlocks(comments, picture)
    padding = ("-metadata_header_padding", str(placement.padding))
    return PreparedTags(Metadata({}), padding, placement)


def _ogg(
    _profile: EncoderProfile, tags: Tags, cover: Cover | None, chapters: Sequence[Chapter]
) -> PreparedTags:
    comments = [*vorbis_comment.comments_of(tags), *chapter_comments(chapters).items()]
    if cover is not None:
        comments.append(vorbis_comment.picture_comment(cover))
    if not comments:
        return PreparedTags(Metadata({}))
    placement = OggComments(comments)
    return PreparedTags(Metadata(placement.placeholder), placement=placement)


def _mp4(
    _profile: EncoderProfile, tags: Tags, cover: Cover | None, chapters: Sequence[Chapter]
) -> PreparedTags:
    meta = mp4_atoms.render(tags, cover)
    return PreparedTags(Metadata({}, chapters), placement=Mp4Meta(meta) if meta else None)


def _wav(
    _profile: EncoderProfile, tags: Tags, cover: Cover | None, chapters: Sequence[Chapter]
) -> PreparedTags:
    """Write an INFO list, which all programs read, and an ID3v2 tag if it cannot hold all.

    The ID3v2 tag then has everything: all tags, the cover and the chapters.
    """
    info = {name: "; ".join(tags[name]) for name in tags if name in BY_NAME and BY_NAME[name].info}
    broadcast = {name: tags[name][0] for name in tags if name in BROADCAST}
    if broadcast:
        for name, ours in (("description", "comment"), ("origination_date", "date")):
            broadcast |= {name: info[ours]} if ours in info else {}
    for_ffmpeg = Metadata(info | broadcast)
    options = ("-write_bext", "1") if broadcast else ()
    rest = [name for name in tags if len(tags[name]) > 1 or name not in for_ffmpeg.tags]
    if not rest and cover is None and not chapters:
        return PreparedTags(for_ffmpeg, options)
    return PreparedTags(for_ffmpeg, options, ChunkAtEnd(id3_tag.render(tags, cover, chapters)))


def _aiff(
    _profile: EncoderProfile, tags: Tags, cover: Cover | None, chapters: Sequence[Chapter]
) -> PreparedTags:
    tag = id3_tag.render(tags, cover, chapters)
    return PreparedTags(Metadata({}), placement=ChunkAtEnd(tag) if tag else None)


def _asf(
    _profile: EncoderProfile, tags: Tags, cover: Cover | None, chapters: Sequence[Chapter]
) -> PreparedTags:
    attributes = asf_header.attributes_of(tags)
    picture = asf_header.picture_of(cover) if cover else b""
    if not attributes and not picture:
        return PreparedTags(Metadata({}, chapters))
    placement = AsfHeader(attributes, picture, chapters)
    return PreparedTags(Metadata(placement.placeholders, chapters), placement=placement)


_PREPARE = {
    "id3": _id3, "flac": _flac, "ogg": _ogg, "mp4": _mp4, "wav": _wav, "aiff": _aiff, "asf": _asf
}  # fmt: skip
"""By kind of tags (`EncoderProfile.tags`): a function that prepares tags, cover and chapters."""
