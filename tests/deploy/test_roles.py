"""Test that each role allows what its service was recorded to need, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.local import cloudformation
from deploy.local.bootstrap import Clients
from libs.core.adapters.aws.named_leases import PREFIX as LEASES
from libs.core.adapters.aws.quotas import PREFIX
from tests.deploy.templates import FOLDER, chosen, listed, statements_of, template

RECORDED: dict[str, dict[str, str]] = json.loads(
    Path(__file__).with_name("actions.json").read_text("utf-8")
)
"""What each role needs, and for what: recorded from the system tests, completed by reading."""

SERVICES = {"Upload", "Conversion", "Worker", "Progress", "Janitor"}
MANAGED = {"InfrastructureRole", "ImageRole"}
"""Roles with policies of AWS, and of services that document no condition keys."""


@pytest.fixture(scope="module")
def roles() -> Any:
    return template("roles.yaml")["Resources"]


def allowed(role: Any) -> set[str]:
    return {action for each in statements_of(role) for action in listed(each["Action"])}


@pytest.mark.parametrize("name", RECORDED)
def test_role_allows_exactly_the_recorded_actions(name: str, roles: Any) -> None:
    assert allowed(roles[f"{name}Role"]) == RECORDED[name].keys()


def test_every_role_is_recorded(roles: Any) -> None:
    found = {name for name, each in roles.items() if each["Type"] == "AWS::IAM::Role"}
    assert {f"{name}Role" for name in RECORDED} | MANAGED == found
    assert RECORDED.keys() >= SERVICES


def test_worker_and_janitor_cannot_start_with_the_secret_of_sessions(roles: Any) -> None:
    readers = {name for name, each in roles.items() if "session-secret" in str(each)}

    assert readers == {"ExecutionRole", "UploadSecrets", "ConversionSecrets", "ProgressSecrets"}
    assert "secretsmanager" not in str(roles["WorkerRole"]) + str(roles["JanitorRole"])


def test_pipe_reads_the_stream_and_writes_to_its_topic_only() -> None:
    assert allowed(template("data.yaml")["Resources"]["PipeRole"]) == {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "sns:Publish",
        "sqs:SendMessage",
    }


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_role_names_actions_and_resources_of_this_installation(name: str, roles: Any) -> None:
    for statement in statements_of(roles[f"{name}Role"]):
        assert not any("*" in action for action in listed(statement["Action"]))
        assert all("${DataStack}" in each["Fn::Sub"] for each in listed(statement["Resource"]))


def test_only_worker_and_janitor_may_list_the_bucket(roles: Any) -> None:
    listing = {
        f"{name}Role" for name in SERVICES if "s3:ListBucket" in allowed(roles[f"{name}Role"])
    }

    assert listing == {"WorkerRole", "JanitorRole"}


def test_uploads_are_closed_to_the_api_of_conversions(roles: Any) -> None:
    touching = {
        name
        for name in SERVICES
        for each in statements_of(roles[f"{name}Role"])
        if "/uploads/" in str(each["Resource"])
    }

    assert touching == {"Upload", "Worker", "Janitor"}


@pytest.mark.parametrize(
    ("name", "prefixes"), [("Progress", [PREFIX, LEASES]), ("Janitor", [LEASES])]
)
def test_progress_and_janitor_write_no_item_of_a_visitor(
    name: str, prefixes: list[str], roles: Any
) -> None:
    (writes,) = [
        each
        for each in statements_of(roles[f"{name}Role"])
        if "dynamodb:UpdateItem" in listed(each["Action"])
    ]

    assert listed(writes["Action"]) == ["dynamodb:UpdateItem"]
    assert writes["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{each}*" for each in prefixes]}
    }


@pytest.mark.parametrize("name", sorted({*RECORDED}))
def test_role_is_assumed_for_this_account_only(name: str, roles: Any) -> None:
    document = chosen(roles[f"{name}Role"]["Properties"]["AssumeRolePolicyDocument"], {})

    for statement in document["Statement"]:
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert statement["Condition"]["StringEquals"] == {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"}
        }
        assert "${AWS::AccountId}" in str(statement["Condition"]["ArnLike"]["aws:SourceArn"])


def test_pipe_and_scheduler_assume_their_roles_for_one_source() -> None:
    for name, role in (("data.yaml", "PipeRole"), ("schedule.yaml", "Role")):
        document = template(name)["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]
        text = str(document["Statement"][0]["Condition"])
        assert "aws:SourceAccount" in text
        assert "aws:SourceArn" in text


@pytest.mark.parametrize("runtime", ["express", "apprunner"])
def test_roles_stack_deploys_and_deletes(clients: Clients, runtime: str) -> None:
    text = (FOLDER / "roles.yaml").read_text("utf-8")
    parameters = {"DataStack": "tinypixo", "WebRuntime": runtime}

    cloudformation.deploy(clients.cloudformation, "roles", text, parameters)
    cloudformation.delete(clients.cloudformation, "roles")

    assert cloudformation.describe(clients.cloudformation, "roles") is None
