"""Parse and render FFmpeg's text format of tags and chapters."""

from hypothesis import given
from hypothesis import strategies as st

from services.conversion.ffmpeg.ffmetadata import (
    Chapter,
    Metadata,
    chapter_comments,
    parse,
    render,
    trim_chapters,
)

characters = st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n")
texts = st.text(characters, min_size=1, max_size=40).filter(lambda t: t.strip() == t)
keys = st.text("abcdefghij_=;#\\ ", min_size=1, max_size=12).map(lambda k: f"x{k}".strip())


@given(st.dictionaries(keys, texts, max_size=8), st.lists(texts, max_size=4))
def test_rendered_metadata_is_parsed_back(tags: dict[str, str], titles: list[str]) -> None:
    chapters = [Chapter(float(n), n + 1.0, title) for n, title in enumerate(titles)]
    found = parse(render(Metadata(tags, chapters)).decode())
    assert found.tags == tags
    assert list(found.chapters) == chapters


def test_stream_tags_are_used_if_the_file_has_none() -> None:
    found = parse(
        ";FFMETADATA1\ntitle=of the file\n[STREAM]\ntitle=of the stream\nartist=somebody\n"
    )
    assert found.tags == {"title": "of the file", "artist": "somebody"}


def test_a_tag_in_brackets_is_no_section() -> None:
    tags = {"[chapter": "1]", "[": "]"}
    assert parse(render(Metadata(tags)).decode()).tags == tags


def test_the_number_and_length_of_tags_are_limited() -> None:
    many = "".join(f"key{n}=x\n" for n in range(1000)) + "lyrics=" + "la " * 500_000 + "\n"
    assert len(parse(many).tags) == 300
    assert "lyrics" not in parse(many).tags
    assert parse(many).lost == (*(f"key{n}" for n in range(300, 1000)), "lyrics")


def test_what_is_not_even_looked_at_is_named() -> None:
    chapters = "[CHAPTER]\nTIMEBASE=1/1\nSTART=1\nEND=2\n" * 20_000
    found = parse(f"title=T\n{chapters}")
    assert found.tags == {"title": "T"}
    assert len(found.chapters) + found.lost_chapters == 20_000
    assert found.lost == ()
    assert parse("title=T\nlong=" + "x" * 5_000_000).lost == ("others",)


def test_tags_that_are_not_looked_at_are_named_also_before_chapters() -> None:
    chapter = "[CHAPTER]\nTIMEBASE=1/1\nSTART=1\nEND=2\n"
    found = parse("title=T\nlong=" + "x" * 5_000_000 + "\n" + chapter)
    assert (found.lost, found.lost_chapters) == (("others",), 1)
    many = "".join(f"key{n}=\n" for n in range(60_000))
    assert parse(f"{many}[STREAM]\ntitle=T\n{chapter}").lost == ("others",)


def test_a_line_that_goes_on_is_one_value() -> None:
    text = "lyrics=" + "la\\\n" * 100_000 + "end\ntitle=T\n"
    assert parse(text).tags == {"lyrics": "la\n" * 100_000 + "end", "title": "T"}


def test_a_chapter_of_all_time_ends_and_one_after_it_is_ignored() -> None:
    """Milliseconds are lost beside numbers of 64 bits: such a chapter had no length."""
    section = "[CHAPTER]\nTIMEBASE=1/1\nSTART={}\nEND=9223372036854775807\n"
    found = parse(section.format(5) + section.format(2**62)).chapters
    assert [(c.start, c.end) for c in found] == [(5, 2**31)]


def test_chapters_are_trimmed_to_the_range() -> None:
    chapters = [Chapter(0, 10, "a"), Chapter(10, 20, "b"), Chapter(20, 30, "c")]
    assert trim_chapters(chapters, 5, 15) == [Chapter(0, 5, "a"), Chapter(5, 10, "b")]


def test_chapters_chapter_comments() -> None:
    assert chapter_comments([Chapter(3661.5, 3700, "late")]) == {
        "CHAPTER000": "01:01:01.500",
        "CHAPTER000NAME": "late",
    }


def test_invalid_metadata_is_ignored() -> None:
    assert parse(
        "[CHAPTER]\nTIMEBASE=1/0\nSTART=x\n[CHAPTER]\nSTART=5\nEND=1\nno pair\n"
    ) == Metadata({}, [])
