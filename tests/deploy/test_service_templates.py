"""Test that the templates of services agree with the services, and protect them."""

import re
from typing import Any

import pytest

from deploy.openapi import REQUIRED_SETTINGS
from libs.core.metrics import DIMENSION, NAMESPACE, EmbeddedMetrics
from libs.core.settings import Settings, variables_of
from libs.core.web.origin_secret import HEADER
from services.conversion.settings import WorkerSettings
from services.conversion.worker.loop import LONG_POLL, STOP_MARGIN
from services.upload.settings import UploadSettings
from tests.deploy.service_settings import KINDS
from tests.deploy.templates import chosen, template

WEB = {"upload", "conversion", "progress"}
PLAIN = {"worker", "janitor"}
SETTINGS: dict[str, type[Settings]] = {**KINDS, "worker": WorkerSettings}


def conditions(service: str) -> dict[str, bool]:
    """Return the conditions of the service templates that hold for this service."""
    return {
        "IsUpload": service == "upload",
        "IsWorker": service == "worker",
        "IsJanitor": service == "janitor",
        "IsApi": service == "conversion",
        "IsProgress": service == "progress",
        "IsPlain": service in PLAIN,
        "IsWeb": service in WEB,
        "Converts": service in ("conversion", "worker"),
        "HasLifetime": service in ("upload", "conversion"),
        "WithCollector": True,
    }


def container(service: str) -> Any:
    """Return the container definition of a service on ECS."""
    task = template("service-ecs.yaml")["Resources"]["Task"]["Properties"]
    return chosen(task, conditions(service))["ContainerDefinitions"][0]


def variables(name: str, service: str) -> dict[str, Any]:
    """Return a service's environment variables."""
    if name == "service-ecs.yaml":
        listed = [*container(service)["Environment"], *container(service)["Secrets"]]
    else:
        source = template(name)["Resources"]["Instances"]["Properties"]["SourceConfiguration"]
        image = chosen(source, conditions(service))["ImageRepository"]["ImageConfiguration"]
        listed = [*image["RuntimeEnvironmentVariables"], *image["RuntimeEnvironmentSecrets"]]
    given = {entry["Name"]: entry.get("Value", entry.get("ValueFrom")) for entry in listed}
    return {name: value for name, value in given.items() if name != "SECRETS_VERSION"}


@pytest.mark.parametrize(
    ("name", "service"),
    [("service-ecs.yaml", service) for service in sorted(WEB | PLAIN)]
    + [("service-apprunner.yaml", service) for service in sorted(WEB)],
)
def test_service_template_sets_the_required_and_only_known_variables(
    name: str, service: str
) -> None:
    told = variables(name, service)
    fields = SETTINGS[service].model_fields.items()
    known = {variable for attribute, field in fields for variable in variables_of(attribute, field)}
    required = {
        variables_of(attribute, field)[0] for attribute, field in fields if field.is_required()
    }

    assert required <= told.keys()
    assert told.keys() <= known


@pytest.mark.parametrize("service", sorted(WEB | PLAIN))
def test_container_can_change_nothing_and_has_two_minutes_to_end(service: str) -> None:
    found = container(service)

    assert found["ReadonlyRootFilesystem"] is True
    assert found["User"] == "10001:10001"
    assert found["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert found["StopTimeout"] == 120
    # Express Mode wants this name, and one port with a name.
    assert found["Name"] == "Main"
    assert [port["Name"] for port in found["PortMappings"]] == ["http"]


def test_only_services_for_visitors_get_the_secret_of_their_sessions() -> None:
    holders = {
        service
        for service in WEB | PLAIN
        if any("SESSION" in name for name in variables("service-ecs.yaml", service))
    }

    assert holders == WEB
    commands = {service: container(service).get("Command") for service in WEB | PLAIN}
    assert commands == {**dict.fromkeys(WEB | PLAIN), "worker": ["worker"]}


def test_worker_and_janitor_have_no_load_balancer() -> None:
    resources = template("service-ecs.yaml")["Resources"]

    assert (resources["Web"]["Condition"], resources["Plain"]["Condition"]) == ("IsWeb", "IsPlain")
    assert "LoadBalancers" not in resources["Plain"]["Properties"]
    assert "SecurityGroupIngress" not in resources["Outbound"]["Properties"]


def test_conversions_run_in_workers_only() -> None:
    slots = {
        service: [
            each["Value"] for each in container(service)["Environment"] if "SLOTS" in each["Name"]
        ]
        for service in ("conversion", "worker")
    }

    assert slots == {"conversion": ["0"], "worker": [{"Ref": "Slots"}]}
    # App Runner gives no CPU to an instance without a request in flight: it may have the API only.
    allowed = template("service-apprunner.yaml")["Parameters"]["Service"]["AllowedValues"]
    assert set(allowed) == WEB


def test_one_address_takes_only_a_part_of_what_app_runner_allows() -> None:
    """200 event streams of one address were all requests that an instance might have."""
    scaling = template("service-apprunner.yaml")["Resources"]["Scaling"]["Properties"]
    progress = variables("service-apprunner.yaml", "progress")
    requests = {
        int(variables("service-apprunner.yaml", service)["TINYPIXO_REQUESTS_PER_ADDRESS"])
        for service in WEB
    }

    assert int(progress["TINYPIXO_STREAMS_PER_ADDRESS"]) <= scaling["MaxConcurrency"] / 10
    assert int(progress["TINYPIXO_STREAMS_PER_INSTANCE"]) <= scaling["MaxConcurrency"] * 3 / 4
    assert max(requests) <= scaling["MaxConcurrency"] / 4


def test_workers_follow_the_backlog_that_the_janitor_reports() -> None:
    resources = template("service-ecs.yaml")["Resources"]
    reported = EmbeddedMetrics("tinypixo")(QueuedConversions=0, LongestWait=0)
    declared = {each["Name"] for each in reported["_aws"]["CloudWatchMetrics"][0]["Metrics"]}

    for alarm, policy in (("Waiting", "ScaleOut"), ("Idle", "ScaleIn")):
        properties = resources[alarm]["Properties"]
        assert (properties["Namespace"], properties["Dimensions"][0]["Name"]) == (
            NAMESPACE,
            DIMENSION,
        )
        assert properties["MetricName"] in declared
        assert properties["AlarmActions"] == [{"Ref": policy}]
    assert "DesiredCount" not in chosen(resources["Plain"]["Properties"], conditions("worker"))


def test_worker_has_longer_to_drain_than_conversions_may_take() -> None:
    drain = next(e["Value"] for e in container("worker")["Environment"] if "DRAIN" in e["Name"])

    assert int(drain) + STOP_MARGIN + LONG_POLL < container("worker")["StopTimeout"]


def test_services_take_subnets_roles_and_tags_from_the_start() -> None:
    found = template("service-ecs.yaml")
    web = found["Resources"]["Web"]["Properties"]

    assert found["Parameters"]["Subnets"]["Type"] == "List<AWS::EC2::Subnet::Id>"
    assert web["NetworkConfiguration"] == {"Subnets": {"Ref": "Subnets"}}
    assert web["Tags"]
    assert not any(each["Type"] == "AWS::IAM::Role" for each in found["Resources"].values())


@pytest.mark.parametrize("name", ["service-ecs.yaml", "service-apprunner.yaml"])
def test_images_are_named_by_digest_only(name: str) -> None:
    pattern = template(name)["Parameters"]["ImageUri"]["AllowedPattern"]

    assert re.fullmatch(pattern, "1.dkr.ecr.eu-west-1.amazonaws.com/t/upload@sha256:" + "0" * 64)
    assert not re.fullmatch(pattern, "1.dkr.ecr.eu-west-1.amazonaws.com/t/upload:latest")


def test_edge_sends_the_secret_that_services_require() -> None:
    config = template("edge.yaml")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    sent = {each["Id"]: each.get("OriginCustomHeaders") for each in config["Origins"]}

    assert sent.pop("page") is None
    assert sent.keys() == WEB
    for headers in sent.values():
        assert [each["HeaderName"].lower() for each in headers] == [HEADER]
    for service in WEB:
        assert "TINYPIXO_ORIGIN_SECRET" in variables("service-ecs.yaml", service)


@pytest.mark.parametrize("name", ["service-ecs.yaml", "service-apprunner.yaml"])
def test_services_trust_cloudfront_and_the_load_balancer(name: str) -> None:
    told = variables(name, "upload")

    assert told["TINYPIXO_TRUSTED_PROXIES"] == "2"
    assert told["TINYPIXO_ORIGINS"] == {"Ref": "Origins"}


@pytest.mark.parametrize("name", ["service-ecs.yaml", "service-apprunner.yaml"])
def test_services_take_the_origins_that_their_template_takes(name: str) -> None:
    pattern = template(name)["Parameters"]["Origins"]["AllowedPattern"]

    for origins in ("", "https://a.example", "https://a.example,https://b.example"):
        assert re.fullmatch(pattern, origins)
        assert UploadSettings(**REQUIRED_SETTINGS, origins=origins).page_origins == {
            origin for origin in origins.split(",") if origin
        }
    assert not re.fullmatch(pattern, "https://a.example/path")
