"""Check the invariants I1 to I8, which hold whatever fails."""

import re
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.faults.journeys import Conversion
from tests.system.client import Json, is_terminal

ID = re.compile(r"(?:upl|cnv)_[A-Za-z0-9_-]{22}")


def check_observations(conversion: Conversion) -> list[str]:
    """Return how what a client saw breaks I3 (versions, ends) or I6 (percent)."""
    broken = []
    states: dict[int, Json] = {}
    sources = sorted({source for source, _ in conversion.seen})
    for source in sources:
        seen = [state for seen_by, state in conversion.seen if seen_by == source]
        for before, after in pairwise(seen):
            if after["version"] < before["version"]:
                broken.append(f"I3: {conversion.id}: version {before['version']} then {after}")
            if after["percent"] < before["percent"]:
                broken.append(f"I6: {conversion.id}: {before['percent']} % then {after}")
            if is_terminal(before) and after["status"] != before["status"]:
                broken.append(f"I3: {conversion.id}: {before['status']} then {after['status']}")
    for _, state in conversion.seen:
        known = states.setdefault(state["version"], state)
        if (known["status"], known["percent"]) != (state["status"], state["percent"]):
            broken.append(f"I3: {conversion.id}: version {state['version']} is two states")
    return broken


def check_end(conversion: Conversion, now: Json | None) -> list[str]:
    """Return how the end of a conversion breaks I1 or I3; `now` is None if it was deleted."""
    ended = conversion.ended
    if ended is None:
        return [f"I1: {conversion.id} has not ended"]
    wanted = ("completed", "cancelled") if conversion.was_cancelled else ("completed",)
    if ended["status"] not in wanted:
        return [f"I1: {conversion.id} ended as {ended['status']}: {ended.get('error')}"]
    if now is not None and now != ended:
        return [f"I3: {conversion.id} changed after its end: {ended} then {now}"]
    return []


def find_orphans(stack: EmbeddedStack) -> list[str]:
    """Return objects and open multipart uploads that no item of the table names (I4)."""
    assert isinstance(stack.target, EmulatorTarget)
    assert stack.outputs
    s3, dynamodb = stack.target.client("s3"), stack.target.client("dynamodb")
    bucket = stack.outputs.bucket_name
    pages: Any = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    keys += [found["Key"] for page in pages for found in page.get("Uploads", [])]
    pages = dynamodb.get_paginator("scan").paginate(TableName=stack.outputs.table_name)
    items = {item["pk"]["S"] for page in pages for item in page["Items"]}
    return [key for key in keys if (found := ID.search(key)) and found[0] not in items]


def find_secrets(stack: EmbeddedStack, logs: Path) -> list[str]:
    """Return logs that contain a credential (I8)."""
    given = stack.environment_of("upload") | stack.environment_of("janitor")
    secrets = [given["TINYPIXO_SESSION_SECRET"], given["TINYPIXO_JANITOR_TOKEN"]]
    secrets.append(stack.environment["AWS_SECRET_ACCESS_KEY"])
    secrets += ["X-Amz-Signature=", "tinypixo_session="]
    return [
        f"I8: {log.name} contains {secret[:16]}…"
        for log in sorted(logs.glob("*.log*"))
        for secret in secrets
        if secret in log.read_text("utf-8", errors="replace")
    ]


def count_by_status(conversions: list[Conversion]) -> str:
    """Return how many conversions ended in each state."""
    ends = sorted(c.ended["status"] if c.ended else "open" for c in conversions)
    return ", ".join(f"{len(list(group))} {status}" for status, group in groupby(ends))
