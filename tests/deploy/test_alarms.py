"""Test that there is an alarm for each way in which it fails, and that it reaches somebody."""

import json
import re
from typing import Any

import pytest

from deploy.aws.cost import load_prices, rows
from deploy.aws.preflight import needed_vcpus
from libs.core.metrics import DIMENSION, NAMESPACE
from tests.deploy.templates import FOLDER, TEMPLATES, template

EXPECTED = {
    "conversion-dead-letters",
    "janitor-dead-letters",
    "pipe-dead-letters",
    "backlog",
    "sweep-missed",
    "sweep-failures",
    "pipe-failing",
    "pipe-stopped",
    "read-throttles",
    "write-throttles",
}

OPERATIONS = FOLDER.parents[1] / "docs" / "operations.md"


def alarms() -> dict[str, Any]:
    """Return the alarms of all templates that tell somebody, by the end of their names."""
    return {
        each["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${DataStack}-"): each["Properties"]
        for name in TEMPLATES
        for each in template(name)["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
        and each["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
    }


def test_each_failure_has_an_alarm() -> None:
    assert alarms().keys() == {*EXPECTED, "${Service}-server-errors"}


def test_alarms_and_budget_need_an_address() -> None:
    base = template("base.yaml")
    parameter = base["Parameters"]["AlarmEmail"]
    budget = base["Resources"]["Budget"]["Properties"]["NotificationsWithSubscribers"]

    assert "Default" not in parameter
    assert re.fullmatch(parameter["AllowedPattern"], "ops@example.com")
    assert not re.fullmatch(parameter["AllowedPattern"], "")
    assert base["Resources"]["Alarms"]["Properties"]["Subscription"][0]["Protocol"] == "email"
    assert [each["Subscribers"][0]["Address"] for each in budget] == [{"Ref": "AlarmEmail"}] * 2


def test_a_missed_sweep_is_missing_data_and_raises_the_alarm() -> None:
    missed = alarms()["sweep-missed"]

    assert missed["TreatMissingData"] == "breaching"
    assert (missed["Namespace"], missed["MetricName"]) == (NAMESPACE, "Sweeps")
    assert [each["Name"] for each in missed["Dimensions"]] == [DIMENSION]


def test_backlog_alarm_measures_the_index_and_no_queue() -> None:
    backlog = alarms()["backlog"]

    assert (backlog["Namespace"], backlog["MetricName"]) == (NAMESPACE, "LongestWait")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_alarm_says_where_its_remedy_is_described(name: str) -> None:
    assert "docs/operations.md#alarms" in alarms()[name]["AlarmDescription"]


def test_operations_describes_every_alarm() -> None:
    section = OPERATIONS.read_text("utf-8").partition("## Alarms")[2].partition("\n## ")[0]

    for name in EXPECTED:
        assert f"`{name}`" in section


def test_operations_has_the_cost_that_the_table_of_prices_gives() -> None:
    assert "\n".join(rows()) in OPERATIONS.read_text("utf-8")


def test_each_price_says_when_and_where_it_was_found() -> None:
    table = load_prices()

    assert table["prices"].keys() == table["pages"].keys()
    assert f"as of {table['as_of']}" in OPERATIONS.read_text("utf-8").replace("\n", " ")


def test_operations_has_the_quota_that_the_services_need() -> None:
    assert f"| {needed_vcpus()} for the largest size" in OPERATIONS.read_text("utf-8")


def test_dashboard_is_valid_json() -> None:
    body = template("alarms.yaml")["Resources"]["Dashboard"]["Properties"]["DashboardBody"]

    assert len(json.loads(body["Fn::Sub"])["widgets"]) == 7
