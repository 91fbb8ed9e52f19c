"""Test that the AWS templates are valid, and agree with the code and with each other."""

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

from deploy.local import cloudformation
from deploy.local.bootstrap import Clients
from deploy.local.gateway.app import PREFIXES
from deploy.openapi import REQUIRED_SETTINGS
from libs.core.adapters.aws.quotas import PREFIX
from libs.core.settings import variables_of
from services.upload.settings import UploadSettings
from tests.deploy.service_settings import KINDS

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "aws"
TEMPLATES = sorted(path.name for path in FOLDER.glob("*.yaml"))
SERVICES = {"service-apprunner.yaml", "service-express.yaml"}


def template(name: str) -> Any:
    return load(str(FOLDER / name))


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_passes_cfn_lint_with_all_rules(name: str) -> None:
    linted = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), FOLDER / name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (linted.returncode, linted.stdout) == (0, "")
    assert "cfn-lint" not in (FOLDER / name).read_text("utf-8")


def test_both_service_templates_take_the_same_parameters() -> None:
    one, other = (template(name) for name in sorted(SERVICES))

    assert one["Parameters"] == other["Parameters"]
    assert one["Outputs"].keys() == other["Outputs"].keys()


@pytest.mark.parametrize("name", sorted(SERVICES))
@pytest.mark.parametrize("service", KINDS)
def test_service_template_sets_the_required_and_only_known_variables(
    name: str, service: str
) -> None:
    told = variables(template(name), service)
    fields = KINDS[service].model_fields.items()
    known = {variable for attribute, field in fields for variable in variables_of(attribute, field)}
    required = {
        variables_of(attribute, field)[0] for attribute, field in fields if field.is_required()
    }

    assert required <= told
    assert told <= known


def variables(found: Any, service: str) -> set[str]:
    """Return the names of a service's environment variables."""
    return set(values(found, service))


def values(found: Any, service: str) -> dict[str, Any]:
    """Return a service's environment variables, with conditions resolved."""
    properties = found["Resources"]["Instances"]["Properties"]
    if "PrimaryContainer" in properties:
        listed = [
            *properties["PrimaryContainer"]["Environment"],
            *properties["PrimaryContainer"]["Secrets"],
        ]
    else:
        image = properties["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
        listed = [*image["RuntimeEnvironmentVariables"], *image["RuntimeEnvironmentSecrets"]]
    holds = {
        "IsConversion": service == "conversion",
        "IsJanitor": service == "janitor",
        "Polls": service == "progress",
    }
    chosen = [
        entry["Fn::If"][1] if holds[entry["Fn::If"][0]] else None
        for entry in listed
        if "Fn::If" in entry
    ]
    return {
        entry["Name"]: entry.get("Value", entry.get("ValueFrom"))
        for entry in [*chosen, *(entry for entry in listed if "Fn::If" not in entry)]
        if entry
    }


def test_edge_routes_each_path_as_the_gateway_does() -> None:
    config = template("edge.yaml")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    behaviours = [
        (each["PathPattern"], each["TargetOriginId"]) for each in config["CacheBehaviors"]
    ]

    for prefix, service in PREFIXES.items():
        for path in (prefix, f"{prefix}/x"):
            assert (
                next(target for pattern, target in behaviours if fnmatch(path, pattern)) == service
            )
    assert not any(
        fnmatch(path, pattern)
        for path in ("/", "/index.html", "/assets/a.js", "/sweep")
        for pattern, _ in behaviours
    )


def test_edge_caches_no_response_of_a_service() -> None:
    config = template("edge.yaml")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]

    assert {each["CachePolicyId"] for each in config["CacheBehaviors"]} == {
        "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    }


def statements(role: str) -> list[tuple[set[str], list[str]]]:
    """Return (actions, resources) of each statement of a role."""
    properties = template("roles.yaml")["Resources"][role]["Properties"]
    found = [
        each for policy in properties["Policies"] for each in policy["PolicyDocument"]["Statement"]
    ]
    return [
        ({*listed(each["Action"])}, [resource["Fn::Sub"] for resource in listed(each["Resource"])])
        for each in found
    ]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("role", ["UploadRole", "ConversionRole", "ProgressRole", "JanitorRole"])
def test_role_has_no_wildcard_action_or_resource(role: str) -> None:
    for actions, resources in statements(role):
        assert not any("*" in action for action in actions)
        assert all("${DataStack}" in resource for resource in resources)


@pytest.mark.parametrize(
    ("role", "never"),
    [
        (
            "UploadRole",
            {
                "s3:DeleteObject",
                "s3:ListBucketMultipartUploads",
                "sqs:ReceiveMessage",
                "dynamodb:GetRecords",
            },
        ),
        (
            "ConversionRole",
            {"s3:ListBucketMultipartUploads", "dynamodb:GetRecords", "dynamodb:DescribeStream"},
        ),
        (
            "ProgressRole",
            {
                "s3:GetObject",
                "s3:PutObject",
                "dynamodb:PutItem",
                "dynamodb:DeleteItem",
            },
        ),
        (
            "JanitorRole",
            {"s3:GetObject", "s3:PutObject", "dynamodb:PutItem", "dynamodb:GetRecords"},
        ),
    ],
)
def test_role_does_not_allow_what_its_service_never_does(role: str, never: set[str]) -> None:
    assert not never & {action for actions, _ in statements(role) for action in actions}


def test_progress_service_writes_counters_of_quotas_only() -> None:
    policy = template("roles.yaml")["Resources"]["ProgressRole"]["Properties"]["Policies"][0]
    (writes,) = [
        each
        for each in policy["PolicyDocument"]["Statement"]
        if "dynamodb:UpdateItem" in listed(each["Action"])
    ]

    assert listed(writes["Action"]) == ["dynamodb:UpdateItem"]
    assert writes["Condition"] == {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{PREFIX}*"]}
    }


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_services_trust_cloudfront_and_the_load_balancer(name: str) -> None:
    told = values(template(name), "upload")

    assert told["TINYPIXO_TRUSTED_PROXIES"] == "2"
    assert told["TINYPIXO_ORIGINS"] == {"Ref": "Origins"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_services_take_the_origins_that_their_template_takes(name: str) -> None:
    pattern = template(name)["Parameters"]["Origins"]["AllowedPattern"]

    for origins in ("", "https://a.example", "https://a.example,https://b.example"):
        assert re.fullmatch(pattern, origins)
        assert UploadSettings(**REQUIRED_SETTINGS, origins=origins).page_origins == {
            origin for origin in origins.split(",") if origin
        }
    assert not re.fullmatch(pattern, "https://a.example/path")


def test_only_removals_of_uploads_and_conversions_reach_the_janitor() -> None:
    data = load(str(FOLDER.parent / "data.yaml"))["Resources"]
    keys = {"Keys": {"pk": {"S": [{"prefix": "upl_"}, {"prefix": "cnv_"}]}}}
    wanted = {"eventName": ["REMOVE"], "dynamodb": keys}

    assert data["JanitorSubscription"]["Properties"]["FilterPolicy"] == wanted
    filters = data["Pipe"]["Properties"]["SourceParameters"]["FilterCriteria"]["Filters"]
    assert json.loads(filters[0]["Pattern"]) == wanted


def test_only_conversion_service_and_janitor_may_access_outputs() -> None:
    touching = {
        role
        for role in template("roles.yaml")["Resources"]
        for _, resources in statements(role)
        if "outputs/" in str(resources)
    }

    assert touching == {"ConversionRole", "JanitorRole"}


def test_roles_stack_deploys_and_deletes(clients: Clients) -> None:
    text = (FOLDER / "roles.yaml").read_text("utf-8")

    cloudformation.deploy(clients.cloudformation, "roles", text, {"DataStack": "tinypixo"})
    cloudformation.delete(clients.cloudformation, "roles")

    assert cloudformation.describe(clients.cloudformation, "roles") is None


def test_edge_caches_no_error() -> None:
    config = template("edge.yaml")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    # What CloudFront caches by itself (HTTP 4xx and 5xx status codes that CloudFront caches).
    cached = {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}

    lifetimes = {
        each["ErrorCode"]: each["ErrorCachingMinTTL"] for each in config["CustomErrorResponses"]
    }

    assert lifetimes == dict.fromkeys(cached, 0)


def test_edge_closes_idle_connections_before_the_load_balancer() -> None:
    config = template("edge.yaml")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    custom = [
        each["CustomOriginConfig"] for each in config["Origins"] if "CustomOriginConfig" in each
    ]

    assert len(custom) == 3
    assert all(each["OriginKeepaliveTimeout"] < 60 for each in custom)


def test_each_queue_policy_names_its_own_queue_only() -> None:
    data = load(str(FOLDER.parent / "data.yaml"))["Resources"]
    policies = {
        name: resource["Properties"]
        for name, resource in data.items()
        if resource["Type"] == "AWS::SQS::QueuePolicy"
    }

    assert len(policies) == 4
    for properties in policies.values():
        (queue,) = properties["Queues"]
        for statement in properties["PolicyDocument"]["Statement"]:
            assert statement["Resource"] == {"Fn::GetAtt": [queue["Ref"], "Arn"]}
