"""Run the test of many uploads at once on LocalStack."""

import pytest

from tests.system.test_many_uploads import *  # noqa: F403 -- the same test on another stack

pytestmark = pytest.mark.localstack
