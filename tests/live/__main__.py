"""Run the contract suites and the system tests on an AWS account: `python -m tests.live`.

The account is that of the environment. The stacks are deleted afterwards. Arguments are passed to
pytest. The exit status is that of pytest, 2 without credentials, or 1 if a stack was not deleted.
"""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy.errors import DeployError
from deploy.local.bootstrap import Clients, delete_stack

ROOT = Path(__file__).resolve().parents[2]
SUITES = ("tests/contracts", "tests/live")
CREDENTIALS = (
    "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
    "(and AWS_SESSION_TOKEN for temporary credentials)"
)
COST = """
This creates two stacks named {name}-… in account {account}, {region}, and deletes them afterwards:
buckets, tables, queues, topics, a pipe and four alarms. It takes about 20 minutes. Some 20,000
requests and 1 GB of transfer cost less than 0.50 US dollars.
"""


def main(arguments: list[str]) -> int:
    """Run the suites, and return the exit status."""
    if "AWS_REGION" in os.environ:  # boto3 does not read AWS_REGION
        os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"]
    session = boto3.Session()
    missing = missing_configuration(session)
    if missing:
        print(f"make test-aws talks to a live account, but {missing}", file=sys.stderr)
        return 2
    name = f"tpx-{secrets.token_hex(3)}"
    account = session.client("sts").get_caller_identity()["Account"]
    print(COST.format(name=name, account=account, region=session.region_name), flush=True)
    status = 1
    try:
        status = run_pytest(name, arguments)
    finally:
        left = delete_leftovers(session, name)
    for problem in left:
        print(problem, file=sys.stderr)
    return status or int(bool(left))


def missing_configuration(session: boto3.Session) -> str | None:
    """Return the end of a sentence about missing credentials, or None if there are some."""
    if session.get_credentials() is None:
        return f"there are no credentials. Set {CREDENTIALS}."
    if not session.region_name:
        return "no region is set. Example: AWS_REGION=eu-central-1"
    try:
        session.client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        return f"its credentials do not work: {error}. Set {CREDENTIALS}."
    return None


def run_pytest(name: str, arguments: list[str]) -> int:
    """Run pytest. An interrupt is passed on, so that its fixtures delete what they created."""
    environment = {**os.environ, "TINYPIXO_TEST_AWS": "1", "TINYPIXO_TEST_NAME": name}
    command = [sys.executable, "-m", "pytest", "-m", "aws", *SUITES, *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, start_new_session=True, preexec_fn=_restore_sigint
    ) as running:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: running.send_signal(signal.SIGINT))
        status = running.wait()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the stacks are deleted in any case
    return status


def _restore_sigint() -> None:
    """Restore SIGINT, which a process in the background of a script ignores."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def delete_leftovers(session: Any, name: str) -> list[str]:
    """Delete what a killed pytest left behind. Return a message for each failure."""
    clients = Clients.create(session.client)
    pages = clients.cloudformation.get_paginator("list_stacks").paginate()
    stacks = {
        s["StackName"]: s["StackStatus"]
        for page in reversed(list(pages))
        for s in reversed(page["StackSummaries"])
    }
    problems = []
    for stack, status in stacks.items():
        if stack.startswith(f"{name}-") and status != "DELETE_COMPLETE":
            print(f"Deleting {stack} …", flush=True)
            try:
                delete_stack(clients, stack)
            except (DeployError, ClientError, BotoCoreError) as error:
                problems.append(f"Delete the stack {stack} by hand: {error}")
    sqs = session.client("sqs")
    for url in sqs.list_queues(QueueNamePrefix=f"{name}-").get("QueueUrls", []):
        sqs.delete_queue(QueueUrl=url)
    print("Everything that was created is deleted." if not problems else "", flush=True)
    return problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
