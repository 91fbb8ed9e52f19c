"""Test that the AWS templates are valid, and agree with the code and with each other."""

import json
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from deploy.local.gateway.app import PREFIXES
from tests.deploy.service_settings import KINDS
from tests.deploy.templates import FOLDER, TEMPLATES, chosen, template


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


@pytest.mark.parametrize("name", [*TEMPLATES, "data.yaml"])
def test_every_log_group_has_a_retention(name: str) -> None:
    for resource in template(name)["Resources"].values():
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert "RetentionInDays" in resource["Properties"]


def test_old_images_expire() -> None:
    repositories = [
        each["Properties"]
        for each in template("base.yaml")["Resources"].values()
        if each["Type"] == "AWS::ECR::Repository"
    ]

    assert len(repositories) == len(KINDS)
    for repository in repositories:
        (rule,) = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        assert rule["selection"]["countNumber"] == 10
        assert repository["ImageTagMutability"] == "IMMUTABLE"


def test_bucket_refuses_old_tls_and_old_signatures() -> None:
    data = template("data.yaml")
    statements = data["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    conditions = {each["Sid"]: each["Condition"] for each in statements}
    longest = max(
        KINDS["upload"].model_fields["sign_lifetime"].default,
        KINDS["conversion"].model_fields["download_lifetime"].default,
    )

    assert conditions["OnlyModernTls"] == {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
    assert conditions["OnlyYoungSignatures"] == {
        "NumericGreaterThan": {"s3:signatureAge": {"Ref": "SignatureAge"}}
    }
    assert data["Parameters"]["SignatureAge"]["Default"] > longest * 1000


def test_what_the_exceptions_of_checkov_claim_is_true() -> None:
    data, edge = template("data.yaml"), template("edge.yaml")
    queues = [each for each in data["Resources"].values() if each["Type"] == "AWS::SQS::Queue"]
    table = chosen(data["Resources"]["Table"]["Properties"], {"OnAws": True})
    distribution = edge["Resources"]["Distribution"]["Properties"]["DistributionConfig"]

    assert len(queues) == 5
    assert all(each["Properties"]["SqsManagedSseEnabled"] for each in queues)
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    certificate = chosen(distribution["ViewerCertificate"], {"WithAlias": True})
    assert certificate["MinimumProtocolVersion"] == "TLSv1.2_2021"


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
    data = template("data.yaml")["Resources"]
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


def test_only_removals_of_uploads_and_conversions_reach_the_janitor() -> None:
    data = template("data.yaml")["Resources"]
    keys = {"Keys": {"pk": {"S": [{"prefix": "upl_"}, {"prefix": "cnv_"}]}}}
    wanted = {"eventName": ["REMOVE"], "dynamodb": keys}

    assert data["JanitorSubscription"]["Properties"]["FilterPolicy"] == wanted
    filters = data["Pipe"]["Properties"]["SourceParameters"]["FilterCriteria"]["Filters"]
    assert json.loads(filters[0]["Pattern"]) == wanted


def test_the_optional_web_acl_limits_the_requests_of_each_address() -> None:
    acl = template("waf.yaml")["Resources"]["WebAcl"]["Properties"]
    (rule,) = acl["Rules"]

    assert (acl["Scope"], acl["DefaultAction"]) == ("CLOUDFRONT", {"Allow": {}})
    assert rule["Action"] == {"Block": {}}
    limit = rule["Statement"]["RateBasedStatement"]
    assert (limit["AggregateKeyType"], limit["Limit"]) == ("IP", {"Ref": "RequestsPerFiveMinutes"})


def test_a_web_acl_is_not_gone_round_by_the_addresses_of_an_ipv6_network() -> None:
    """WAF counts each of them alone."""
    edge = template("edge.yaml")["Resources"]["Distribution"]["Properties"]["DistributionConfig"]

    assert edge["IPV6Enabled"] == {"Fn::If": ["WithWebAcl", False, True]}
