"""Test the walk that ends a deployment, on a system that works and on one that does not."""

import pytest

from deploy.aws.smoke import walk
from deploy.errors import DeployError

pytestmark = pytest.mark.stack


def test_the_walk_converts_downloads_and_deletes_a_file(stack_url: str) -> None:
    assert walk(stack_url, pause=0.1) > 0


def test_the_walk_names_the_step_that_failed(stack_url: str) -> None:
    with pytest.raises(DeployError, match="POST /elsewhere/api/uploads answered"):
        walk(f"{stack_url}/elsewhere", longest=5)
