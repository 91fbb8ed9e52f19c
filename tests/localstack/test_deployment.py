"""Deploy everything to LocalStack, twice from two shells; then upgrade, roll back and destroy.

LocalStack creates no ECR, ECS, CloudFront, scaling, budgets, pipes and dashboards. Tests of the
templates and recordings of calls stand in for those: tests/deploy.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.aws.deployment import ALL
from deploy.aws.page import BUILT
from tests.deploy.aws.support import Shell
from tests.deploy.templates import FOLDER
from tests.localstack.container import LocalStack

pytestmark = [pytest.mark.localstack, pytest.mark.timeout(500)]

NAME = "stage"
TASK = "arn:aws:ecs:eu-central-1:000000000000:task-definition/stage-janitor:3"
LEFT_OUT = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::Budgets::Budget",
    "AWS::CloudFront::Distribution",
    "AWS::CloudFront::OriginAccessControl",
    "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::CloudWatch::Dashboard",
    "AWS::ECS::Cluster",
    "AWS::ECS::ExpressGatewayService",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::Logs::MetricFilter",
    "AWS::Pipes::Pipe",
}


class Account:
    """Look into the account that the shells deploy to."""

    def __init__(self, endpoint: str) -> None:
        self._session: Any = boto3.Session("test", "test", region_name="eu-central-1")
        self._endpoint = endpoint

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint)

    def stacks(self) -> dict[str, dict[str, str]]:
        """Return the outputs of each stack, by its name."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return {
            each["StackName"]: {
                output["OutputKey"]: output["OutputValue"] for output in each.get("Outputs", [])
            }
            for each in found
            if each["StackStatus"] != "DELETE_COMPLETE"
        }


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a LocalStack of its own, because `destroy` deletes a table."""
    localstack = LocalStack(tmp_path_factory.mktemp("localstack"))
    localstack.start()
    yield localstack.endpoint_url
    localstack.stop()


def test_an_installation_lives_from_deployment_to_destruction(
    endpoint: str, tmp_path: Path
) -> None:
    first, second = (Shell(folder, endpoint, NAME) for folder in folders(tmp_path))
    account = Account(endpoint)

    # Without an address for alarms nothing is created.
    assert "AlarmEmail" in first.run("deploy", "--yes", "--tag", "v1", status=1)
    assert account.stacks() == {}

    said = first.run("deploy", "--tag", "v1", "--set", "AlarmEmail=a@example.com", typed="yes\n")
    left_out = said.partition("It left out: ")[2].splitlines()[0]
    assert set(left_out.split(", ")) == LEFT_OUT
    assert "no smoke test" in said
    assert account.stacks().keys() == {f"{NAME}-{kind}" for kind in ALL}
    assert_page_is_uploaded(account)

    # Another shell knows nothing of the first, and changes nothing.
    said = second.run("deploy", "--yes", "--tag", "v1")
    assert said.count(": unchanged") == len(ALL) + 1  # the data stack is visited twice
    assert ": create" not in said
    assert ": update" not in said

    before = account.stacks()
    second.run("deploy", "--service", "conversion", "--tag", "v2")
    after = account.stacks()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {f"{NAME}-conversion", f"{NAME}-worker"}
    image = f"000000000000.dkr.ecr.eu-central-1.amazonaws.com/{NAME}/conversion@sha256:"
    assert after[f"{NAME}-worker"]["ImageUri"].startswith(image)
    status = second.run("status")
    assert after[f"{NAME}-worker"]["ImageUri"][-64:][:12] in status
    assert "0 queued, 0 running" in status
    assert "alarms " in status

    first.run("rollback", "--service", "conversion")
    for kind in ("conversion", "worker"):
        assert (
            account.stacks()[f"{NAME}-{kind}"]["ImageUri"] == before[f"{NAME}-{kind}"]["ImageUri"]
        )
    assert "no version before" in first.run("rollback", "--service", "upload", status=1)

    assert "nothing was changed" in first.run("destroy", status=1, typed="no\n")
    assert "nobody answered" in first.run("destroy", status=1)
    assert account.stacks().keys() == before.keys()
    assert "Nothing is left." in first.run("destroy", typed=f"{NAME}\n")
    assert_nothing_is_left(account)
    first.run("destroy", "--yes")


def test_the_optional_schedule_runs_the_janitors_task_every_hour(endpoint: str) -> None:
    account = Account(endpoint)
    cloudformation = account.client("cloudformation")
    parameters = {
        "DataStack": NAME,
        "TaskDefinitionArn": TASK,
        "SecurityGroup": "sg-1",
        "Subnets": "subnet-1,subnet-2",
        "ExecutionRoleArn": "arn:aws:iam::000000000000:role/stage-janitor-execution",
    }
    cloudformation.create_stack(
        StackName=f"{NAME}-schedule",
        TemplateBody=(FOLDER / "schedule.yaml").read_text("utf-8"),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=f"{NAME}-schedule", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )

    schedule = account.client("scheduler").get_schedule(Name=f"{NAME}-sweep")
    assert (schedule["ScheduleExpression"], schedule["State"]) == ("rate(1 hour)", "ENABLED")
    target = schedule["Target"]
    assert target["EcsParameters"]["TaskDefinitionArn"] == TASK
    assert '"command": ["sweep", "--if-due"]' in target["Input"]
    role = account.client("iam").get_role(RoleName=target["RoleArn"].rpartition("/")[2])
    trusted = role["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert trusted == {"Service": "scheduler.amazonaws.com"}

    cloudformation.delete_stack(StackName=f"{NAME}-schedule")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=f"{NAME}-schedule", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def folders(parent: Path) -> list[Path]:
    both = [parent / "one", parent / "two"]
    for folder in both:
        folder.mkdir()
    return both


def assert_page_is_uploaded(account: Account) -> None:
    bucket = account.stacks()[f"{NAME}-edge"]["PageBucketName"]
    page = account.client("s3").head_object(Bucket=bucket, Key="index.html")
    assert (page["ContentType"], page["CacheControl"]) == ("text/html", "no-cache")
    for path in (BUILT / "assets").iterdir():
        asset = account.client("s3").head_object(Bucket=bucket, Key=f"assets/{path.name}")
        assert "immutable" in asset["CacheControl"]


def assert_nothing_is_left(account: Account) -> None:
    assert account.stacks() == {}
    assert account.client("s3").list_buckets()["Buckets"] == []
    assert account.client("dynamodb").list_tables()["TableNames"] == []
    assert account.client("sns").list_topics()["Topics"] == []
    assert account.client("secretsmanager").list_secrets()["SecretList"] == []
    assert account.client("logs").describe_log_groups()["logGroups"] == []
    roles = account.client("iam").list_roles()["Roles"]
    assert [each for each in roles if each["RoleName"].startswith(NAME)] == []
