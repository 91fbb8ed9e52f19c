"""Test the calls that no emulator here answers, against recorded answers: ECR, ECS, App Runner."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deploy.aws import images, status
from deploy.aws.images import Images
from deploy.aws.installation import STACKS_OF, WEB, Installation
from deploy.aws.preflight import check
from deploy.aws.stacks import Stacks
from deploy.errors import DeployError
from tests.deploy.aws.support import FAKE_DOCKER

WANTED = "sha256:" + "1" * 64
OTHER = "sha256:" + "2" * 64
SESSION: Any = boto3.Session("test", "test", region_name="eu-central-1")


class Account:
    """Answer clients from recordings."""

    def __init__(self) -> None:
        self._stubbers: dict[str, Stubber] = {}
        self.installation = Installation("stage", "123456789012", "eu-central-1", self.client)

    def client(self, service: str) -> Any:
        return self.record(service).client

    def record(self, service: str) -> Stubber:
        if service not in self._stubbers:
            self._stubbers[service] = Stubber(SESSION.client(service))
            self._stubbers[service].activate()
        return self._stubbers[service]


class FakeStacks(Stacks):
    """Hold the parameters and outputs of stacks."""

    def __init__(self, **parameters: str) -> None:
        self._parameters = parameters

    def parameters(self, name: str) -> dict[str, str]:
        return self._parameters

    def outputs(self, name: str) -> dict[str, str]:
        return self._parameters


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide a Docker that records its calls, and return the recording."""
    monkeypatch.setenv("DOCKER", str(FAKE_DOCKER))
    monkeypatch.setenv("DOCKER_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


def test_a_version_that_the_registry_has_is_not_built_again(account: Account, docker: Path) -> None:
    found = {"imageDetails": [{"imageDigest": WANTED}]}
    asked = {"repositoryName": "stage/upload", "imageIds": [{"imageTag": "v1"}]}
    account.record("ecr").add_response("describe_images", found, asked)

    uri = Images(account.installation, print).provide("upload", "v1")

    assert uri == f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/stage/upload@{WANTED}"
    assert not docker.exists()


def test_a_new_version_is_built_for_x86_and_pushed_after_one_login(
    account: Account, docker: Path
) -> None:
    ecr = account.record("ecr")
    token = {"authorizationData": [{"authorizationToken": "QVdTOnNlY3JldA=="}]}
    for number, _ in enumerate(("upload", "progress")):
        ecr.add_client_error("describe_images", "ImageNotFoundException")
        if number == 0:
            ecr.add_response("get_authorization_token", token)
    provider = Images(account.installation, print)

    uris = [provider.provide(service, "v1") for service in ("upload", "progress")]

    calls = docker.read_text("utf-8").splitlines()
    assert [call.split()[0] for call in calls] == [
        *("build", "login", "push", "image"),
        *("build", "push", "image"),
    ]
    assert "--platform linux/amd64" in calls[0]
    assert "SERVICE=upload" in calls[0]
    # The digest is that of the image, which ECS reports, and not of an index.
    assert "without attestations" in calls[0]
    assert "secret" not in calls[1]
    assert all("@sha256:" in uri for uri in uris)


def test_another_commit_is_not_built_from_this_one(
    account: Account, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "current_tag", lambda: "ba9876543210")
    account.record("ecr").add_client_error("describe_images", "ImageNotFoundException")

    with pytest.raises(DeployError, match="git checkout 0123456789ab"):
        Images(account.installation, print).provide("upload", "0123456789ab")
    assert not docker.exists()


def test_a_failing_build_says_so_and_pushes_nothing(
    account: Account, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.record("ecr").add_client_error("describe_images", "ImageNotFoundException")
    monkeypatch.setenv("DOCKER", "/bin/false")

    with pytest.raises(DeployError, match="build failed"):
        Images(account.installation, print).provide("upload", "v1")
    assert not docker.exists()


@pytest.mark.parametrize(
    ("digests", "said"),
    [
        ([WANTED], "running"),
        ([WANTED, OTHER], f"also running: {OTHER[7:19]}"),
        ([OTHER], f"RUNNING {OTHER[7:19]} INSTEAD"),
        ([], "NOT RUNNING"),
    ],
)
def test_status_compares_the_digests_that_tasks_run(
    account: Account, digests: list[str], said: str
) -> None:
    arns = [f"arn:task/{number}" for number, _ in enumerate(digests)]
    asked = {"cluster": "stage", "serviceName": "stage-worker"}
    account.record("ecs").add_response("list_tasks", {"taskArns": arns}, asked)
    tasks = [{"containers": [{"imageDigest": digest}]} for digest in digests]
    account.record("ecs").add_response("describe_tasks", {"tasks": tasks})

    running = status.running_digests(account.installation, "worker", FakeStacks())

    assert status._compare(WANTED, running) == said


def test_status_asks_app_runner_where_services_run_there(account: Account) -> None:
    summary = {"ServiceName": "stage-upload", "ServiceArn": "arn:aws:apprunner:1"}
    other = {"ServiceName": "prod-upload", "ServiceArn": "arn:aws:apprunner:2"}
    client = account.record("apprunner")
    client.add_response("list_services", {"ServiceSummaryList": [other, summary]})
    image = {"ImageIdentifier": f"r/upload@{WANTED}", "ImageRepositoryType": "ECR"}
    service = {
        "ServiceName": "stage-upload",
        "ServiceId": "1" * 32,
        "ServiceArn": "arn:aws:apprunner:1",
        "CreatedAt": 0,
        "UpdatedAt": 0,
        "Status": "RUNNING",
        "SourceConfiguration": {"ImageRepository": image},
        "InstanceConfiguration": {},
        "AutoScalingConfigurationSummary": {},
        "NetworkConfiguration": {},
    }
    client.add_response(
        "describe_service", {"Service": service}, {"ServiceArn": "arn:aws:apprunner:1"}
    )

    stacks = FakeStacks(WebRuntime="apprunner")

    assert status.running_digests(account.installation, "upload", stacks) == {WANTED}


@pytest.mark.parametrize(
    ("found", "said"),
    [({"imageTags": ["2b30ab034dad"]}, "(2b30ab034dad) "), ({}, "")],
)
def test_status_says_of_which_commit_an_image_is(
    account: Account, found: dict[str, list[str]], said: str
) -> None:
    asked = {"repositoryName": "stage/upload", "imageIds": [{"imageDigest": WANTED}]}
    account.record("ecr").add_response("describe_images", {"imageDetails": [found]}, asked)

    assert status.image_tags(account.installation, "upload", WANTED) == said


def test_status_names_alarms_that_are_raised(account: Account) -> None:
    asked = {"AlarmNamePrefix": "stage-", "StateValue": "ALARM"}
    scaling = {"AlarmName": "stage-conversion-scale-in", "AlarmActions": ["arn:policy"]}
    mailed = [
        {"AlarmName": f"stage-{name}", "AlarmActions": ["arn:topic"]}
        for name in ("sweep-missed", "backlog")
    ]
    stacks = FakeStacks(AlarmTopicArn="arn:topic")
    for found, said in (
        ([scaling, *mailed], "backlog, sweep-missed"),
        ([scaling], "none raised"),
    ):
        account.record("cloudwatch").add_response("describe_alarms", {"MetricAlarms": found}, asked)

        assert status.raised_alarms(account.installation, stacks) == said


def test_status_says_who_gets_no_alarms_yet(account: Account) -> None:
    arns = {"a@example.com": "PendingConfirmation", "b@example.com": "arn:aws:sns:1"}
    found = [{"Endpoint": address, "SubscriptionArn": arn} for address, arn in arns.items()]
    asked = {"TopicArn": "arn:topic"}
    account.record("sns").add_response(
        "list_subscriptions_by_topic", {"Subscriptions": found}, asked
    )

    stacks = FakeStacks(AlarmTopicArn="arn:topic")

    assert status.unconfirmed_addresses(account.installation, stacks) == ["a@example.com"]


def test_status_says_that_an_image_has_expired(account: Account) -> None:
    account.record("ecr").add_client_error("describe_images", "ImageNotFoundException")

    assert "no longer" in status.image_tags(account.installation, "upload", WANTED)


def quota(account: Account, vcpus: float) -> None:
    account.record("service-quotas").add_response("get_service_quota", {"Quota": {"Value": vcpus}})


def test_conversion_on_app_runner_is_refused_with_its_reason(account: Account) -> None:
    given = {"AlarmEmail": "a@example.com", "WorkerRuntime": "apprunner"}

    with pytest.raises(DeployError, match="gives CPU only to an instance that answers a request"):
        check(account.installation, {}, given, lambda _: None)


def test_preflight_takes_the_default_network_and_says_the_cost(account: Account) -> None:
    ec2 = account.record("ec2")
    ec2.add_response("describe_vpcs", {"Vpcs": [{"VpcId": "vpc-1"}]})
    zones = [
        *(("subnet-4", "d"), ("subnet-3", "c"), ("subnet-2", "b"), ("subnet-1", "a")),
        ("subnet-private", "a"),
    ]
    subnets = [
        {"SubnetId": subnet, "AvailabilityZone": zone, "DefaultForAz": subnet != "subnet-private"}
        for subnet, zone in zones
    ]
    ec2.add_response("describe_subnets", {"Subnets": subnets})
    quota(account, 6)
    said: list[str] = []

    found = check(account.installation, {}, {"AlarmEmail": "a@example.com"}, said.append)

    # Each zone costs an address of the load balancer.
    assert found == {"VpcId": "vpc-1", "Subnets": "subnet-1,subnet-2,subnet-3"}
    assert any("quota is 6 vCPUs, of which a deployment at full size needs 19" in s for s in said)
    assert any("a month" in line for line in said)


def test_preflight_asks_for_subnets_without_a_default_network(account: Account) -> None:
    account.record("ec2").add_response("describe_vpcs", {"Vpcs": []})

    with pytest.raises(DeployError, match="Subnets=subnet-"):
        check(account.installation, {}, {"AlarmEmail": "a@example.com"}, lambda _: None)


def test_preflight_keeps_the_network_of_the_stacks(account: Account) -> None:
    quota(account, 500)
    known = {"AlarmEmail": "a@example.com", "VpcId": "vpc-9", "Subnets": "subnet-8,subnet-9"}

    assert check(account.installation, known, {}, lambda _: None) == {}


def test_every_service_has_a_stack_of_its_own() -> None:
    stacks = [stack for each in STACKS_OF.values() for stack in each]

    assert len(stacks) == len(set(stacks))
    assert {*WEB, "worker", "janitor"} == set(stacks)
