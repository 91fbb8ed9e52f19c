"""Fuzz each parser for a moment, beginning with the seeds that are kept."""

import os

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from services.conversion.ffmpeg import ffmetadata
from services.conversion.tags import cover
from tests.fuzz.__main__ import fuzz
from tests.fuzz.targets import TARGETS, check, metadata, seeds

SEED = int(os.environ.get("TINYPIXO_SEED", "20261126"))
SECONDS = float(os.environ.get("TINYPIXO_FUZZ_SECONDS", "2"))


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_parsed(name: str) -> None:
    assert seeds(name)
    for data in seeds(name):
        check(name, data)


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_seeds_are_parsed(name: str) -> None:
    """The seed is printed when it fails; `make fuzz` runs for longer."""
    print(f"TINYPIXO_SEED={SEED}")
    assert fuzz(name, SECONDS, SEED) > 10


@seed(SEED)
@settings(max_examples=60, deadline=None, database=None)
@given(name=st.sampled_from(sorted(TARGETS)), data=st.binary(max_size=2000))
def test_any_bytes_are_parsed(name: str, data: bytes) -> None:
    check(name, data)


@seed(SEED)
@settings(max_examples=60, deadline=None, database=None)
@given(st.text(alphabet="ab=;#\\\n[]CHAPTER0/1\0é", max_size=400))
def test_any_metadata_is_parsed(text: str) -> None:
    metadata(f";FFMETADATA1\n{text}".encode())


@pytest.mark.parametrize(
    "text",
    [
        "k" * 5_000_000 + "=value",
        "k=" + "v" * 5_000_000,
        "\\" * 5_000_000,
        "\\\n" * 2_000_000,
        "=" * 5_000_000,
        "\n" * 5_000_000,
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1\ntitle=x\n" * 150_000,
        "[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=" + "9" * 5_000_000,
    ],
    ids=lambda text: ascii(text[:10]),
)
def test_metadata_of_megabytes_takes_little_time(text: str) -> None:
    check("metadata", text.encode())
    assert len(ffmetadata.parse(text).chapters) <= 5000


@pytest.mark.parametrize("filling", [b"\xff", b"\xff\xe0\0\0", b"\xff\xe0\0\2"])
def test_a_cover_of_megabytes_takes_little_time(filling: bytes) -> None:
    data = b"\xff\xd8\xff" + filling * (cover.MAX_BYTES // len(filling) - 1)
    check("cover_picture", data)
