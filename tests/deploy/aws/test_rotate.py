"""Test that a rotation lets tasks of two versions read each other's cookies at every moment."""

import json
from itertools import pairwise
from typing import Any

import pytest

from deploy.aws.installation import STACKS_OF, Installation
from deploy.aws.rotate import restart_all, rotate
from deploy.errors import DeployError
from libs.core.web.session_tokens import SessionTokens
from tests.deploy.aws.test_deployment import RememberedStacks, deployment

OLD = "o" * 64


class FakeSecrets:
    """Hold one secret, as Secrets Manager does."""

    def __init__(self) -> None:
        self.value = {"current": OLD, "accepted": "none"}

    def get_secret_value(self, **_: Any) -> Any:
        return {"SecretString": json.dumps(self.value)}

    def put_secret_value(self, **request: Any) -> None:
        self.value = json.loads(request["SecretString"])


@pytest.fixture
def manager() -> FakeSecrets:
    return FakeSecrets()


@pytest.fixture
def installation(manager: FakeSecrets) -> Installation:
    return Installation("stage", "123456789012", "eu-central-1", lambda _: manager)


def test_neighbouring_deployments_read_each_others_cookies(
    manager: FakeSecrets, installation: Installation
) -> None:
    deployed = [dict(manager.value)]

    rotate(
        installation, "session-secret", lambda: deployed.append(dict(manager.value)), lambda _: None
    )

    assert len(deployed) == 3
    assert deployed[-1]["current"] != OLD
    assert deployed[-1]["accepted"] == OLD
    tokens = [SessionTokens(each["current"], accepted=[each["accepted"]]) for each in deployed]
    for one, other in pairwise(tokens):
        assert one.read(other.issue("anna"))
        assert other.read(one.issue("anna"))


def test_every_task_starts_anew_and_cloudfront_sends_what_is_accepted(
    installation: Installation,
) -> None:
    stacks = RememberedStacks()
    deployment(stacks).everything("v1")
    before = len(stacks.deployed)

    for _ in range(2):
        restart_all(
            installation, stacks, lambda version: deployment(stacks, SecretsVersion=version)
        )

    again = stacks.deployed[before:]
    kinds = ["edge", *(kind for each in STACKS_OF.values() for kind in each)]
    assert [kind for kind, _, _ in again] == kinds * 2
    versions = [given["SecretsVersion"] for _, _, given in again]
    assert versions == ["1"] * len(kinds) + ["2"] * len(kinds)
    assert {given["ImageUri"] for _, _, given in again if "ImageUri" in given} == {
        f"{service}@v1" for service in STACKS_OF
    }


def test_an_unknown_secret_is_refused(installation: Installation, manager: FakeSecrets) -> None:
    with pytest.raises(DeployError, match="SECRET must be one of"):
        rotate(installation, "password", lambda: None, lambda _: None)
    assert manager.value["current"] == OLD
