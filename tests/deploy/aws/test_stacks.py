"""Test what a deployment shows, refuses and keeps, on recorded answers of CloudFormation."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from deploy.aws.stacks import Stacks, declared
from deploy.errors import DeployError
from tests.deploy.templates import FOLDER, TEMPLATES, template

BODY = "Parameters:\n  Kept:\n    Type: String\n  Size:\n    Type: String\nResources: {}\n"


@pytest.fixture
def recorded() -> Stubber:
    session: Any = boto3.Session("test", "test", region_name="eu-central-1")
    return Stubber(session.client("cloudformation"))


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(BODY, "utf-8")
    return path


def stack(status: str, **parameters: str) -> dict[str, Any]:
    listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    return {
        "Stacks": [
            {
                "StackName": "tinypixo-data",
                "StackId": "arn:stack",
                "StackStatus": status,
                "CreationTime": 0,
                "Parameters": listed,
            }
        ]
    }


def change(action: str, kind: str, replacement: str = "False") -> dict[str, Any]:
    return {
        "ResourceChange": {
            "Action": action,
            "LogicalResourceId": "Table",
            "ResourceType": kind,
            "Replacement": replacement,
        }
    }


def expect_change_set(
    recorded: Stubber, *changes: dict[str, Any], status: str, why: str = ""
) -> None:
    """Expect what precedes the execution, of a stack whose Kept is `yes`."""
    for _ in range(2):
        recorded.add_response("describe_stacks", stack("UPDATE_COMPLETE", Kept="yes", Size="1"))
    recorded.add_response("get_template", {"TemplateBody": "another"})
    recorded.add_response(
        "create_change_set",
        {"Id": "arn:change-set"},
        {
            "StackName": "tinypixo-data",
            "ChangeSetName": ANY,
            "ChangeSetType": "UPDATE",
            "TemplateBody": BODY,
            "Parameters": [
                {"ParameterKey": "Kept", "UsePreviousValue": True},
                {"ParameterKey": "Size", "ParameterValue": "2"},
            ],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Tags": ANY,
        },
    )
    described = {"Status": status, "StatusReason": why, "Changes": list(changes)}
    recorded.add_response("describe_change_set", described)


def deploy(recorded: Stubber, body: Path) -> list[str]:
    said: list[str] = []
    with recorded:
        stacks = Stacks(recorded.client, said.append, pause=0)
        stacks.deploy("tinypixo-data", body, {"Size": "2", "Unknown": "3"})
    recorded.assert_no_pending_responses()
    return said


def test_a_change_is_shown_before_it_is_made(recorded: Stubber, body: Path) -> None:
    expect_change_set(recorded, change("Modify", "AWS::DynamoDB::Table"), status="CREATE_COMPLETE")
    recorded.add_response("execute_change_set", {}, {"ChangeSetName": "arn:change-set"})
    for _ in range(2):
        recorded.add_response("describe_stacks", stack("UPDATE_COMPLETE"))

    said = deploy(recorded, body)

    assert said == ["tinypixo-data: update", "    Modify AWS::DynamoDB::Table Table"]


def test_a_change_set_without_changes_is_no_failure(recorded: Stubber, body: Path) -> None:
    why = "The submitted information didn't contain changes."
    expect_change_set(recorded, status="FAILED", why=why)
    recorded.add_response("delete_change_set", {})
    recorded.add_response("describe_stacks", stack("UPDATE_COMPLETE"))

    assert deploy(recorded, body) == ["tinypixo-data: unchanged"]


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::Table", "AWS::S3::Bucket"])
@pytest.mark.parametrize(
    ("action", "replacement"), [("Modify", "True"), ("Modify", "Conditional"), ("Remove", "False")]
)
def test_a_change_that_would_lose_files_is_not_made(
    recorded: Stubber, body: Path, kind: str, action: str, replacement: str
) -> None:
    expect_change_set(recorded, change(action, kind, replacement), status="CREATE_COMPLETE")
    recorded.add_response("delete_change_set", {})

    with pytest.raises(DeployError, match="Nothing was changed"):
        deploy(recorded, body)


def test_a_rolled_back_change_says_what_failed(recorded: Stubber, body: Path) -> None:
    expect_change_set(recorded, change("Modify", "AWS::ECS::Service"), status="CREATE_COMPLETE")
    recorded.add_response("execute_change_set", {})
    recorded.add_response("describe_stacks", stack("UPDATE_ROLLBACK_COMPLETE"))
    event = {
        "StackId": "arn:stack",
        "EventId": "1",
        "StackName": "tinypixo-data",
        "Timestamp": 0,
        "LogicalResourceId": "Plain",
        "ResourceStatus": "UPDATE_FAILED",
        "ResourceStatusReason": "Circuit breaker",
    }
    recorded.add_response("describe_stack_events", {"StackEvents": [event]})

    with pytest.raises(DeployError, match="UPDATE_ROLLBACK_COMPLETE: Plain: Circuit breaker"):
        deploy(recorded, body)


@pytest.mark.parametrize("name", [*TEMPLATES, "data.yaml"])
def test_all_parameters_of_a_template_are_found(name: str) -> None:
    path = FOLDER / name if name in TEMPLATES else FOLDER.parent / name

    assert declared(path.read_text("utf-8")) == list(template(name)["Parameters"])
