"""Run the tests of `tests/system` on LocalStack."""

import pytest

from tests.system.test_end_to_end import *  # noqa: F403
from tests.system.test_refusals import *  # noqa: F403 -- the same tests on another stack

pytestmark = pytest.mark.localstack
