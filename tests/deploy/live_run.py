"""`python -m tests.live` as tests start it: with an emulator in place of the account."""

import os
import re
import subprocess
import sys
from typing import Any

import boto3

from deploy.local.stack import ROOT

WALK = "test_a_file_uploaded_with_a_wish_is_converted_by_itself_and_downloads"
CONTRACT = "test_a_part_put_to_its_url_is_in_the_multipart_upload"


def account_at(endpoint: str) -> dict[str, str]:
    """The environment of somebody whose account is there."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TINYPIXO_"))}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1"}
    return {**others, **keys, "AWS_ENDPOINT_URL": endpoint}


def run(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.live", "-p", "no:cacheprovider", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def stacks_left(said: str, endpoint: str) -> list[str]:
    """The stacks of a run that are still there, by what it said it would make. Fails where it made none at all."""
    found = re.search(r"stacks named (tpx-[0-9a-f]{6})-", said)
    assert found, said
    session: Any = boto3.Session("test", "test", region_name="eu-central-1")
    client = session.client("cloudformation", endpoint_url=endpoint)
    ours = [stack for stack in client.list_stacks()["StackSummaries"] if stack["StackName"].startswith(found[1])]
    client.close()
    assert ours, said
    return [stack["StackName"] for stack in ours if stack["StackStatus"] != "DELETE_COMPLETE"]
