"""Limit what the sandboxed reader answers, on both sides: the reader may be compromised."""

import json
import subprocess
import time
from typing import Any
from unittest.mock import Mock

import pytest

from libs.core.domain.uploads import Failure
from services.conversion.pipeline import read_tags
from services.conversion.pipeline.context import ConversionContext
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.tags.reader_output import MAX_JSON, TagReaderOutput
from services.conversion.tags.source_tags import MAX_OUTPUT, combine, parse_output
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import convert
from tests.conversion.tags.support import read

MIB = 1024 * 1024
DOCUMENT: dict[str, Any] = {"tags": [], "lost": [], "pictures": 0, "picture_kind": 3}


def packed(**changes: Any) -> bytes:
    """Return an answer whose document has these changes."""
    text = json.dumps(DOCUMENT | changes).encode()
    return len(text).to_bytes(4, "big") + text


@pytest.mark.parametrize("name", ["pictures", "picture_kind"])
def test_an_infinite_number_is_no_answer(name: str) -> None:
    found = combine(packed(**{name: float("inf")}), {"title": "FFmpeg's"})
    assert found.tags == {"title": ["FFmpeg's"]}


@pytest.mark.parametrize(
    ("number", "found"),
    [("/", {}), (" / ", {}), ("/12", {"track_total": ["12"]}), ("3/", {"track": ["3/"]})],
)
def test_a_track_without_numbers_has_no_empty_tags(number: str, found: dict[str, Any]) -> None:
    """A total that is empty was written into the output; the fuzzer found it."""
    assert combine(packed(tags=[[0, "id3", "TRCK", [number], False]]), {}).tags == found


@pytest.mark.parametrize("name", ["TRCK", "TIT2"])
def test_a_tag_whose_only_value_is_endless_is_lost(name: str) -> None:
    """It was kept without values: "TRCK" failed the conversion, other names made empty tags."""
    tags = [[1, "id3", "TPE1", ["A"], False], [1, "id3", name, ["1" * (MIB + 1)], False]]
    found = combine(packed(tags=tags), {})
    assert found.tags == {"artist": ["A"]}
    assert len(found.lost) == 1


def test_names_of_lost_tags_are_cleaned_and_cut() -> None:
    found = combine(packed(lost=["\ud800\0x", "y" * MIB]), {})
    assert found.lost == ["?x", "y" * 40]


def test_the_number_of_pictures_can_be_told() -> None:
    assert combine(packed(pictures=10**4000), {}).picture_count <= 10_000


def test_a_document_that_would_take_much_memory_is_not_parsed() -> None:
    with pytest.raises(ValueError, match="too large"):
        parse_output(packed(more=[[]] * (2 * MIB)))


@pytest.mark.parametrize(
    "tags",
    [
        [[1, "own", f"n{number}", ["v"], False] for number in range(2001)],
        [[1, "own", "n", [], False]] * 2001,
        [[1, "own", "n", "v" * 2001, False]],
    ],
    ids=["tags", "empty tags", "letters"],
)
def test_more_tags_than_the_reader_keeps_are_no_answer(tags: list[Any]) -> None:
    """Each costs processor time of the worker."""
    assert len(parse_output(packed(tags=[[1, "own", "n", ["v"], False]] * 2000))[0]) == 2000
    with pytest.raises(ValueError, match="too many tags"):
        parse_output(packed(tags=tags))


def test_a_longer_name_than_the_reader_keeps_is_no_answer() -> None:
    assert parse_output(packed(tags=[[1, "own", "n" * 200, ["v"], False]]))[0]
    for name in ("n" * 201, ["n" * 201]):
        with pytest.raises(ValueError, match="too long"):
            parse_output(packed(tags=[[1, "own", name, ["v"], False]]))


def processor_time(names: list[str]) -> float:
    """Return the shortest time of three for combining tags of these names."""
    answer = packed(tags=[[1, "own", name, ["v"], False] for name in names])
    spent = []
    for _ in range(3):
        before = time.thread_time()
        combine(answer, {})
        spent.append(time.thread_time() - before)
    return min(spent)


def test_many_names_cost_as_much_as_one() -> None:
    """Each was compared with 300 others, which took 1 s of the worker's processor time."""
    names = [f"{number:04}" + "Ж" * 196 for number in range(2000)]
    assert processor_time(names) < 5 * processor_time(names[:1] * 2000)


def test_names_differ_by_more_than_case() -> None:
    tags = [[1, "own", name, [name], False] for name in ("Venue", "VENUE", "Place")]
    assert combine(packed(tags=tags), {}).tags == {"Venue": ["Venue", "VENUE"], "Place": ["Place"]}


@pytest.mark.parametrize("letter", ["a", "Ж", "\0", "\ud800", "😀"])
def test_the_reader_keeps_within_the_document_and_names_the_rest(letter: str) -> None:
    answer = TagReaderOutput()
    for number in range(40):
        answer.add("own", f"TEXT{number}", [letter * 200_000])
        answer.lost.add(letter * 100_000 + str(number))
    with MemoryFile("answer") as output:
        answer.write(output.fd)
        data = output.read(MAX_OUTPUT)
    tags, found = parse_output(data)
    assert len(data) <= MAX_JSON
    assert 0 < len(tags) < 40
    assert "TEXT39" in found.lost


def test_the_reader_can_answer_with_the_most_of_everything() -> None:
    answer = TagReaderOutput()
    answer.add_picture(3, bytes(16 * MIB))
    while not answer.lost:
        answer.add("own", "TEXT", ["Ж" * 1500])
    answer.lost.update(f"{number}" + "\0" * 100 for number in range(1000))
    with MemoryFile("answer") as output:
        answer.write(output.fd)
        assert output.size <= MAX_OUTPUT
        assert len(parse_output(output.read(MAX_OUTPUT))[1].picture or b"") == 16 * MIB


@pytest.mark.parametrize(
    "error",
    [
        OSError("no process"),
        subprocess.TimeoutExpired("reader", 1),
        MediaError(Failure("timed_out", "x")),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_reader_that_cannot_run_leaves_ffmpegs_tags(
    error: Exception, engine: FfmpegEngine, sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Mock()
    process.return_value.run.side_effect = error
    monkeypatch.setattr(read_tags, "FfmpegProcess", process)
    source = sounds.tone("titled.flac", "-metadata", "title=T", seconds=1)
    assert read(engine, source).tags["title"] == "T"
    assert process.return_value.run.called


def test_a_store_that_fails_while_tags_are_read_is_no_failure_of_the_reader(
    engine: FfmpegEngine, sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every later run would meet the error, too, but for one that reads by another cache."""

    def run_without_store(context: ConversionContext, *arguments: Any) -> bytes:
        source = context.source
        source.error = ConnectionError("the store is away")
        try:
            return run(context, *arguments)
        finally:
            source.error = None

    run = read_tags._run_reader
    monkeypatch.setattr(read_tags.TagReading, "start", lambda _: None)  # not beside FFmpeg
    monkeypatch.setattr(read_tags, "_run_reader", run_without_store)
    with pytest.raises(ConnectionError):
        convert(engine, sounds.tone("titled.flac", "-metadata", "title=T", seconds=1), "wav")
