"""Test how partial uploads become the parts of one object."""

import random

import pytest

from libs.core.domain.uploads import GIB, MAX_PART_SIZE, MIB, MIN_PART_SIZE, S3_MAX_PARTS
from services.upload.tus.join import MAX_PARTIALS
from services.upload.tus.join_plan import JOINED_PART_SIZE, Range, can_be_copied, plan_parts

TIB = 1024 * GIB
LARGE = 2 * JOINED_PART_SIZE + 1


def test_large_objects_are_copied_in_ranges() -> None:
    plan = plan_parts([("a", LARGE), ("b", MIN_PART_SIZE)])

    assert all(map(can_be_copied, plan))
    assert len(plan) == 4
    assert max(part[0].size for part in plan) <= JOINED_PART_SIZE


def test_what_is_too_small_is_read_with_the_beginning_of_the_next() -> None:
    plan = plan_parts([("a", MIB), ("b", 20 * MIB), ("c", 3)])

    assert plan == [
        [Range("a", 0, MIB), Range("b", 0, 4 * MIB)],
        [Range("b", 4 * MIB, 20 * MIB)],
        [Range("c", 0, 3)],
    ]
    assert [can_be_copied(part) for part in plan] == [False, True, False]


@pytest.mark.parametrize("partials", [1, MAX_PARTIALS])
def test_the_largest_file_that_may_be_allowed_has_no_more_parts_than_s3_takes(
    partials: int,
) -> None:
    size = (5 * TIB - 1) // partials

    plan = plan_parts([(f"{n}", size) for n in range(partials)])

    assert len(plan) <= S3_MAX_PARTS
    assert max(each.size for part in plan for each in part) <= MAX_PART_SIZE


@pytest.mark.parametrize("seed", range(50))
def test_every_byte_is_in_one_part_and_none_but_the_last_is_small(seed: int) -> None:
    rng = random.Random(seed)
    sizes = [1, 100, MIB, MIN_PART_SIZE - 1, MIN_PART_SIZE, 7 * MIB, JOINED_PART_SIZE, LARGE]
    objects = [(f"{n}", rng.choice(sizes)) for n in range(rng.randrange(1, 40))]

    plan = plan_parts(objects)

    ranges = [each for part in plan for each in part]
    for key, size in objects:
        of_one = [each for each in ranges if each.key == key]
        assert [each.start for each in of_one] == [0, *(each.end for each in of_one[:-1])]
        assert of_one[-1].end == size
        # S3 copies a range only of an object of more than 5 MiB, and any object as a whole.
        copied = [part[0] for part in plan if can_be_copied(part) and part[0].key == key]
        assert all(each.is_whole == (each.size == size) for each in copied)
        assert all(each.is_whole or size > MIN_PART_SIZE for each in copied)
    assert [each.key for each in ranges] == sorted((each.key for each in ranges), key=int)
    assert all(sum(e.size for e in part) >= MIN_PART_SIZE for part in plan[:-1])
    assert all(sum(e.size for e in part) <= 2 * MIN_PART_SIZE for part in plan if len(part) > 1)
    assert len(plan) <= S3_MAX_PARTS
