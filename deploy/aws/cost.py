"""Compute what a month costs, from measured units and a table of prices.

`python -m deploy.aws.cost` prints the table of docs/operations.md.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.aws.installation import FOLDER, MOST_ZONES

HOURS = 730
"""Hours of a month."""

WEB_TASKS = {"upload": (0.5, 1), "conversion": (0.25, 0.5), "progress": (0.25, 0.5)}
"""Cores and GiB of one task of each service that answers browsers; App Runner can run these."""
OTHER_TASKS = {"worker": (2.0, 4.0), "janitor": (0.25, 0.5)}
"""Cores and GiB of one task of each other service; these always run on Fargate."""

ALARMS = 17 + 1 + 3 * len(WEB_TASKS)
"""Of the templates, one of which reads two metrics; and those of Express Mode for each service: two
of its scaling, and one of its deployments."""

METRICS, SECRETS = 12, 3


def load_prices() -> dict[str, Any]:
    """Return the prices in US dollars, and the units that one conversion uses."""
    table: dict[str, Any] = json.loads((FOLDER / "prices.json").read_text("utf-8"))
    return table


def idle_month(runtime: str = "express") -> float:
    """Return US dollars of a month without visitors."""
    prices: Mapping[str, float] = load_prices()["prices"]
    fargate = dict(OTHER_TASKS) if runtime == "apprunner" else {**WEB_TASKS, **OTHER_TASKS}
    cores = sum(each[0] for each in fargate.values())
    gib = sum(each[1] for each in fargate.values())
    hourly = cores * prices["fargate_core_hour"] + gib * prices["fargate_gib_hour"]
    hourly += len(fargate) * prices["ipv4_hour"]
    if runtime == "apprunner":
        hourly += sum(each[1] for each in WEB_TASKS.values()) * prices["apprunner_gib_hour"]
    else:
        hourly += prices["load_balancer_hour"] + MOST_ZONES * prices["ipv4_hour"]
    fixed = (
        ALARMS * prices["alarm_month"]
        + METRICS * prices["metric_month"]
        + SECRETS * prices["secret_month"]
        # Four reads of the stream a second, and receives of the two inboxes.
        + prices["polling_month"]
    )
    return hourly * HOURS + fixed


def month(conversions: int) -> dict[str, float]:
    """Return the cost of a month with this many conversions in US dollars, by kind of cost."""
    table = load_prices()
    prices, units = table["prices"], table["units_per_conversion"]
    core_hours = conversions * units["core_seconds"] / 3600
    spare = max(0.0, core_hours - OTHER_TASKS["worker"][0] * HOURS * units["worker_use"])
    return {
        "idle": idle_month(),
        "workers": spare
        / units["worker_use"]
        * (prices["fargate_core_hour"] + 2 * prices["fargate_gib_hour"]),
        "table": conversions
        * (
            units["table_writes"] * prices["table_write"]
            + units["table_reads"] * prices["table_read"]
            + units["stream_reads"] * prices["stream_read"]
        ),
        "storage": conversions
        * (
            units["bucket_writes"] * prices["bucket_write"]
            + units["bucket_reads"] * prices["bucket_read"]
            + units["gib_stored"] / 30 * prices["bucket_gib_month"]
        ),
        "messages": conversions * units["messages"] * prices["message"],
        "transfer": conversions * units["gib_downloaded"] * prices["transfer_gib"],
        "edge": max(0.0, conversions * units["edge_requests"] - table["free"]["edge_requests"])
        * prices["edge_request"],
        "logs": conversions * units["log_gib"] * prices["log_gib"],
    }


def rows(sizes: Sequence[int] = (1_000, 100_000, 10_000_000)) -> list[str]:
    """Return the cost of a month at several sizes, as the lines of a table in Markdown."""
    months = [month(size) for size in sizes]
    totals = [sum(each.values()) for each in months]
    return [
        "| US dollars a month | " + " | ".join(f"{size:,}" for size in sizes) + " |",
        "|---|" + "---:|" * len(sizes),
        *(
            f"| {name} | " + " | ".join(f"{each[name]:,.2f}" for each in months) + " |"
            for name in months[0]
        ),
        "| **total** | " + " | ".join(f"**{total:,.0f}**" for total in totals) + " |",
    ]


if __name__ == "__main__":
    print("\n".join(rows()))
