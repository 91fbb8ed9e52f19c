"""Test the smoke test that ends a deployment, on a system that works and on one that does not."""

import pytest

from deploy.aws import smoke
from deploy.errors import DeployError

pytestmark = pytest.mark.stack


def test_the_smoke_test_converts_downloads_and_deletes_a_file(stack_url: str) -> None:
    assert smoke.run(stack_url, pause=0.1) > 0


def test_the_smoke_test_names_the_step_that_failed(stack_url: str) -> None:
    with pytest.raises(DeployError, match="POST /elsewhere/api/uploads answered"):
        smoke.run(f"{stack_url}/elsewhere", longest=5)
