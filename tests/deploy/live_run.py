"""Run `python -m tests.live` on an emulator in place of an account."""

import os
import re
import subprocess
import sys
from typing import Any

import boto3

from deploy.local.processes import ROOT

END_TO_END = "test_upload_with_conversion_request_is_converted_and_downloads"
CONTRACT = "test_a_part_url_stores_the_part"


def account_at(endpoint: str) -> dict[str, str]:
    """Return an environment whose AWS account is at this endpoint."""
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TINYPIXO_"))
    }
    keys = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
    }
    return {**others, **keys, "AWS_ENDPOINT_URL": endpoint}


def run(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.live", "-p", "no:cacheprovider", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def stacks_left(said: str, endpoint: str) -> list[str]:
    """Return the stacks that a run left behind. Fail if it created none.

    The run prints the prefix of its stacks, which identifies them.
    """
    found = re.search(r"stacks named (tpx-[0-9a-f]{6})-", said)
    assert found, said
    session: Any = boto3.Session("test", "test", region_name="eu-central-1")
    client = session.client("cloudformation", endpoint_url=endpoint)
    ours = [
        stack
        for stack in client.list_stacks()["StackSummaries"]
        if stack["StackName"].startswith(found[1])
    ]
    client.close()
    assert ours, said
    return [stack["StackName"] for stack in ours if stack["StackStatus"] != "DELETE_COMPLETE"]
