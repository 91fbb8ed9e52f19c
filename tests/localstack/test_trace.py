"""Run the test of `make trace` on LocalStack. `test_containers` does so for containers."""

import pytest

from tests.system.test_trace import (
    test_the_trace_of_a_conversion_leads_from_creation_to_download as test_trace,
)

__all__ = ["test_trace"]

pytestmark = pytest.mark.localstack
