"""Run `make test-aws` with LocalStack in place of the account."""

import pytest

from tests.deploy.live_run import CONTRACT, END_TO_END, account_at, run, stacks_left
from tests.localstack.container import LocalStack

pytestmark = [pytest.mark.localstack, pytest.mark.timeout(400)]


@pytest.mark.usefixtures("stack")
def test_live_suites_pass_and_delete_their_stacks(localstack: LocalStack) -> None:
    with run(account_at(localstack.endpoint_url), "-k", f"{END_TO_END} or {CONTRACT}") as running:
        said, _ = running.communicate()

    assert running.returncode == 0, said
    assert "cost less than" in said.partition("test session starts")[0]
    assert "2 passed" in said
    assert stacks_left(said, localstack.endpoint_url) == []
