"""Run the tests of orphaned parts in `tests/faults` on LocalStack."""

import pytest

from tests.faults.conftest import bucket, client
from tests.faults.test_orphans import (
    parts,
    test_parts_that_never_had_an_item_are_aborted_by_a_sweep,
    test_parts_whose_item_is_deleted_are_aborted_without_a_sweep,
)
from tests.localstack.test_kills import faulty_stack

__all__ = [
    "bucket",
    "client",
    "faulty_stack",
    "parts",
    "test_parts_that_never_had_an_item_are_aborted_by_a_sweep",
    "test_parts_whose_item_is_deleted_are_aborted_without_a_sweep",
]

pytestmark = pytest.mark.localstack
