"""Run the test of many uploads at once on LocalStack, in `make test-clients`."""

import pytest

from tests.clients.conftest import IS_FULL

pytestmark = pytest.mark.localstack

if IS_FULL:  # a busy machine answers 503 again and again, until all have had their turn
    from tests.system.test_many_uploads import (  # noqa: F401 -- the same test on another stack
        test_fifty_uploads_at_once_by_three_protocols_are_not_mixed,
    )
