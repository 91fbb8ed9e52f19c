"""Bound the text of strangers in an item, such as tags: 16 KiB in UTF-8 of a conversion or upload.

Requests read up to 100 items, and event streams up to 400, so that large ones would fill the
memory of a service. In JSON a text may be twice as long, because quotation marks are escaped.

| item | what | bytes | limited by |
|---|---|---|---|
| conversion | `source.tags`, with their names | MAX_TAGS | `limit_tags` |
| | titles and languages of `source.tracks` | MAX_TRACKS | `limit_tracks` |
| | names of tags in warnings: 6 in each of 3 | 6 × 3 × MAX_NAME | `enumerate_names` |
| | names of codecs in `error` or a warning | 6 × 40 | `describe_choice`; FFmpeg's own names |
| | `filename`, and that of `output` | 2 × 500 | `download_filename` |
| upload | `filename` | 4 × 255 | `clean_filename` |
| | `content_type` | 255 | `choose_media_type` |
| | `tus.metadata` and `tus.concat` | MAX_TUS | `require_storable` |

The others are numbers, dates, digests, sentences of our own, MAX_SHOWN_TRACKS tracks with some 100
bytes each, and ids: an upload has up to MAX_CONVERSIONS of 26 bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from libs.core.domain.conversions import Track
from libs.core.domain.options import MAX_TRACK_INDEX

KIB = 1024
MAX_TAGS = 8 * KIB
MAX_TRACKS = 2 * KIB
MAX_NAME = 80
MAX_TUS = 14 * KIB

MAX_SHOWN_TAGS = 40
MAX_VALUE = 1_000
"""Characters of a tag's value."""
MAX_SHOWN_TRACKS = MAX_TRACK_INDEX + 1
MAX_TITLE = 100
"""Characters of a track's title."""
MAX_LANGUAGE = 35
"""Characters of a language; BCP 47 (RFC 5646, 4.4.1) needs no more."""


def cut_utf8(text: str, size: int) -> str:
    """Return the beginning of a text that has at most `size` bytes in UTF-8."""
    return text.encode(errors="replace")[: max(0, size)].decode(errors="ignore")


def limit_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the first tags. The one at which the bytes are used up is cut, later ones left out."""
    shown: dict[str, str] = {}
    left = MAX_TAGS
    for name, value in list(tags.items())[:MAX_SHOWN_TAGS]:
        text = cut_utf8(value[:MAX_VALUE], left - len(name.encode(errors="replace")))
        if text:
            shown[name] = text
            left -= len((name + text).encode(errors="replace"))
    return shown


def limit_tracks(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Return the first tracks and the default one, with text as far as the bytes reach."""
    limited = []
    left = MAX_TRACKS
    for track in tracks:
        if track.index >= MAX_SHOWN_TRACKS and not track.default:
            continue
        language = cut_utf8((track.language or "")[:MAX_LANGUAGE], left)
        left -= len(language.encode())
        title = cut_utf8((track.title or "")[:MAX_TITLE], left).strip()
        left -= len(title.encode())
        limited.append(replace(track, language=language or None, title=title or None))
    return tuple(limited)
