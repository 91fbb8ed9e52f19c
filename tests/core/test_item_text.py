"""Bound the text of strangers in an item."""

from dataclasses import replace

from libs.core.domain.conversions import Track
from libs.core.domain.item_text import (
    MAX_SHOWN_TRACKS,
    MAX_TAGS,
    MAX_TRACKS,
    cut_utf8,
    limit_tags,
    limit_tracks,
)

WIDE = "😀"


def byte_count(*texts: str | None) -> int:
    return sum(len((text or "").encode()) for text in texts)


def tracks(count: int, language: str, title: str) -> list[Track]:
    return [Track(n, "aac", 2, 44100, n == 0, language, title) for n in range(count)]


def test_a_cut_text_is_a_beginning_of_whole_characters() -> None:
    text = f"a{WIDE}é"
    cuts = [cut_utf8(text, size) for size in range(-1, 9)]
    assert cuts == ["", "", "a", "a", "a", "a", f"a{WIDE}", f"a{WIDE}", text, text]


def test_usual_tags_are_shown_as_they_are() -> None:
    tags = {"title": "T" * 1000, "artist": "Кино", "lyrics": "ら" * 1000}
    assert limit_tags(tags) == tags
    assert list(limit_tags(tags)) == list(tags)


def test_of_many_large_tags_the_first_are_shown() -> None:
    shown = limit_tags({f"{n:02}{WIDE * 190}": WIDE * 1000 for n in range(40)})
    assert byte_count(*shown, *shown.values()) <= MAX_TAGS
    assert [name[:2] for name in shown] == ["00", "01"]
    assert next(iter(shown.values())) == WIDE * 1000


def test_names_alone_use_the_bytes_up() -> None:
    shown = limit_tags({f"{n:02}{WIDE * 500}": "x" for n in range(40)})
    assert byte_count(*shown, *shown.values()) <= MAX_TAGS
    assert len(shown) == 4


def test_usual_tracks_are_shown_as_they_are() -> None:
    given = tracks(12, "eng", "Commentary by the director")
    assert limit_tracks(given) == tuple(given)


def test_titles_of_many_tracks_are_left_out_and_the_tracks_are_not() -> None:
    shown = limit_tracks(tracks(256, WIDE * 4000, WIDE * 4000))
    texts = [text for track in shown for text in (track.language, track.title)]
    assert byte_count(*texts) <= MAX_TRACKS
    assert shown[0].language == WIDE * 35
    assert shown[0].title == WIDE * 100
    assert [track.index for track in shown] == list(range(MAX_SHOWN_TRACKS))
    assert (shown[-1].language, shown[-1].title) == (None, None)


def test_the_default_track_is_shown_wherever_it_is() -> None:
    given = [replace(track, default=track.index == 200) for track in tracks(256, "eng", "T")]
    assert [track.index for track in limit_tracks(given)] == [*range(MAX_SHOWN_TRACKS), 200]
