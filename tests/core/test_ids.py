"""Create and parse ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.core.domain.ids import Kind, derived_id, kind_of, new_id

KINDS: list[Kind] = ["upload", "conversion"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_has_a_kind(kind: Kind) -> None:
    assert kind_of(new_id(kind)) == kind
    assert kind_of(derived_id(kind, "a")) == kind


def test_ids_are_unique() -> None:
    assert len({new_id("upload") for _ in range(1000)}) == 1000


def test_an_id_has_128_bits_and_needs_no_quoting_in_a_url() -> None:
    kind, _, random = new_id("upload").partition("_")

    assert (kind, len(random)) == ("upl", 22)
    assert all(c.isascii() and (c.isalnum() or c in "-_") for c in random)


def test_equal_parts_give_equal_ids() -> None:
    assert derived_id("conversion", "owner", "key") == derived_id("conversion", "owner", "key")


@pytest.mark.parametrize(
    "others", [("owner", "other"), ("ownerkey",), ("owner", "key", ""), ("key", "owner")]
)
def test_different_parts_give_different_ids(others: tuple[str, ...]) -> None:
    assert derived_id("conversion", *others) != derived_id("conversion", "owner", "key")


HOSTILE = [
    "",
    "upl_",
    "job_" + "A" * 22,
    "upl_" + "A" * 21,
    "upl_" + "A" * 23,
    "upl_" + "A" * 22 + "\n",
    " upl_" + "A" * 22,
    "upl_" + "A" * 21 + "ü",
    "upl_" + "A" * 21 + "/",
    "UPL_" + "A" * 22,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_an_invalid_id_has_no_kind(text: str) -> None:
    assert kind_of(text) is None


@given(st.text())
def test_any_text_has_a_kind_or_none(text: str) -> None:
    assert kind_of(text) is None or len(text) == 26
