"""What `tests/system` shows on the embedded emulator, word for word on LocalStack."""

import pytest

from tests.system.test_end_to_end import *  # noqa: F403
from tests.system.test_refusals import *  # noqa: F403 -- the tests are the same; only the stack that they meet is another

pytestmark = pytest.mark.localstack
