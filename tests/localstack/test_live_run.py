"""Run `make test-aws` with LocalStack in place of the account."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.live_run import CONTRACT, END_TO_END, account_at, run, stacks_left
from tests.localstack.container import LocalStack

pytestmark = [pytest.mark.localstack, pytest.mark.timeout(400)]


@pytest.fixture
def account(tmp_path: Path) -> Iterator[LocalStack]:
    """Run a LocalStack of its own.

    The suites delete their table at the end. DynamoDB Local then answers every transaction on its
    other tables with InternalFailure, so no other test could use the same one.
    """
    localstack = LocalStack(tmp_path)
    localstack.start()
    yield localstack
    localstack.stop()


def test_live_suites_pass_and_delete_their_stacks(account: LocalStack) -> None:
    with run(account_at(account.endpoint_url), "-k", f"{END_TO_END} or {CONTRACT}") as running:
        said, _ = running.communicate()

    assert running.returncode == 0, said
    assert "cost less than" in said.partition("test session starts")[0]
    assert "2 passed" in said
    assert stacks_left(said, account.endpoint_url) == []
