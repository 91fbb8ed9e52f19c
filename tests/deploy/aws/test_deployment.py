"""Test which parameters and images each stack gets, with stacks that only remember."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.aws.deployment import Deployment
from deploy.aws.images import Images
from deploy.aws.installation import WEB, Installation
from deploy.aws.stacks import Stacks
from deploy.errors import DeployError

INSTALLATION = Installation("stage", "123456789012", "eu-central-1", lambda _: None)


class RememberedStacks(Stacks):
    """Remember what was deployed, and return plausible outputs."""

    def __init__(self) -> None:
        self.deployed: list[tuple[str, str, dict[str, str]]] = []
        self._kept: dict[str, dict[str, str]] = {}

    def deploy(self, name: str, template: Path, given: Mapping[str, str]) -> dict[str, str]:
        kind = name.removeprefix("stage-")
        self.deployed.append((kind, template.name, dict(given)))
        self._kept.setdefault(kind, {}).update(given)
        return self.outputs(name)

    def outputs(self, name: str) -> dict[str, str]:
        kind = name.removeprefix("stage-")
        if kind not in self._kept:
            return {}
        made: dict[str, dict[str, str]] = {
            "base": {"AlarmTopicArn": "topic", "OriginSecretArn": "origin"},
            "roles": {
                "ExecutionRoleArn": "execution",
                "WorkerExecutionRoleArn": "worker's",
                "JanitorExecutionRoleArn": "janitor's",
            },
            "edge": {"Url": "https://page.example", "PageBucketName": "page"},
        }
        kept = self._kept[kind]
        images = {key: value for key, value in kept.items() if key.endswith("ImageUri")}
        return {"Host": f"https://{kind}.example/", **images, **made.get(kind, {})}

    def parameters(self, name: str) -> dict[str, str]:
        return self._kept.get(name.removeprefix("stage-"), {})

    def last(self, kind: str) -> tuple[str, dict[str, str]]:
        """Return the template and the parameters with which a stack was deployed last."""
        return next((template, given) for k, template, given in self.deployed[::-1] if k == kind)


class NamedImages(Images):
    """Name images after their version."""

    def __init__(self) -> None:
        pass

    def provide(self, service: str, tag: str) -> str:
        return f"{service}@{tag}"


@pytest.fixture
def stacks() -> RememberedStacks:
    return RememberedStacks()


def deployment(stacks: RememberedStacks, **given: Any) -> Deployment:
    return Deployment(INSTALLATION, stacks, NamedImages(), given, lambda _: None)


def test_stacks_are_created_in_the_order_of_what_they_need(stacks: RememberedStacks) -> None:
    url = deployment(stacks).everything("v1")

    kinds = list(dict.fromkeys(kind for kind, _, _ in stacks.deployed))
    services = ["upload", "conversion", "worker", "progress", "janitor"]
    assert kinds == ["base", "roles", "data", *services, "edge", "alarms"]
    assert url == "https://page.example"
    # The origin of the page is known last, and told to those that were there before.
    for kind in services:
        assert stacks.last(kind)[1]["Origins"] == url
    assert stacks.last("data")[1]["AllowedOrigins"] == url
    assert stacks.last("edge")[1]["ConversionHost"] == "conversion.example"


def test_worker_and_janitor_start_with_roles_that_read_no_secret_of_sessions(
    stacks: RememberedStacks,
) -> None:
    deployment(stacks).everything("v1")

    kinds = (*WEB, "worker", "janitor")
    roles = {kind: stacks.last(kind)[1]["ExecutionRoleArn"] for kind in kinds}
    own = {"worker": "worker's", "janitor": "janitor's"}
    assert roles == {**dict.fromkeys(WEB, "execution"), **own}


def test_app_runner_runs_what_browsers_reach_and_no_worker(stacks: RememberedStacks) -> None:
    deployment(stacks, WebRuntime="apprunner").everything("v1")

    templates = {kind: template for kind, template, _ in stacks.deployed}
    for kind in ("upload", "conversion", "progress"):
        assert templates[kind] == "service-apprunner.yaml"
    for kind in ("worker", "janitor"):
        assert templates[kind] == "service-ecs.yaml"


def test_a_size_is_given_at_creation_and_kept_afterwards(stacks: RememberedStacks) -> None:
    deployment(stacks).service("conversion", "conversion@v1")
    assert stacks.last("worker")[1]["Cpu"] == "2048"

    deployment(stacks).service("conversion", "conversion@v2")
    assert "Cpu" not in stacks.last("worker")[1]


def test_a_parameter_with_a_stack_is_for_that_stack_only(stacks: RememberedStacks) -> None:
    deployment(stacks, **{"worker:Cpu": "4096"}).service("conversion", "conversion@v1")

    assert stacks.last("worker")[1]["Cpu"] == "4096"
    assert "Cpu" not in stacks.last("conversion")[1]


def test_a_rollback_returns_to_the_image_before_and_forth_again(stacks: RememberedStacks) -> None:
    for version in ("v1", "v2"):
        deployment(stacks).service("conversion", f"conversion@{version}")

    for expected in ("v1", "v2"):
        deployment(stacks).roll_back("conversion")
        for kind in ("conversion", "worker"):
            assert stacks.last(kind)[1]["ImageUri"] == f"conversion@{expected}"


def test_without_a_version_before_nothing_is_rolled_back(stacks: RememberedStacks) -> None:
    deployment(stacks).service("upload", "upload@v1")
    before = len(stacks.deployed)

    with pytest.raises(DeployError, match="no version before"):
        deployment(stacks).roll_back("upload")
    assert len(stacks.deployed) == before
