"""Test the smoke test that ends a deployment: on a system that works, starts, or does neither."""

from collections.abc import Iterator

import pytest

from deploy.aws import smoke
from deploy.errors import DeployError
from tests.fault_proxy import Fault, FaultProxy

pytestmark = pytest.mark.stack


class ChangingInstances(FaultProxy):
    """Answer each request at the third try; the second one is done, but not answered."""

    def __init__(self, upstream: str) -> None:
        self.tries = 0
        self.outcomes: tuple[Fault | None, ...] = ("throttle", "drop response", None)
        super().__init__(upstream, {}, seed=0)

    def draw(self, service: str) -> Fault | None:
        self.tries += 1
        return self.outcomes[(self.tries - 1) % len(self.outcomes)]


@pytest.fixture
def changing(stack_url: str) -> Iterator[ChangingInstances]:
    proxy = ChangingInstances(stack_url)
    yield proxy
    proxy.close()


def test_the_smoke_test_converts_downloads_and_deletes_a_file(stack_url: str) -> None:
    assert smoke.run(stack_url, pause=0.1) > 0


def test_the_smoke_test_repeats_what_changing_instances_do_not_answer(
    changing: ChangingInstances,
) -> None:
    smoke.run(changing.url, pause=0.01)

    assert changing.tries % 3 == 0
    # Create, part, complete, state, download and delete.
    assert changing.tries >= 3 * 6


def test_the_smoke_test_names_the_step_that_failed(stack_url: str) -> None:
    with pytest.raises(DeployError, match=r"POST .*/elsewhere/api/uploads answered 40[45]"):
        smoke.run(f"{stack_url}/elsewhere", longest=60)


def test_the_smoke_test_gives_up_on_a_system_that_does_not_start(
    changing: ChangingInstances,
) -> None:
    changing.outcomes = ("throttle",)

    with pytest.raises(DeployError, match=r"POST .*/api/uploads answered 503"):
        smoke.run(changing.url, longest=0.1, pause=0.01)
    with pytest.raises(DeployError, match="was not answered"):
        smoke.run("http://127.0.0.1:9", longest=0.1, pause=0.01)
