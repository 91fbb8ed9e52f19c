"""`python -m tests.live`: contract suites and the whole system on the account of the environment, in stacks that go away again.

Whatever follows goes to pytest. Exit status: pytest's; 2 without credentials; 1 where something could not be taken down.
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

from deploy.local.bootstrap import Clients, delete_stack
from deploy.local.cloudformation import StackError

ROOT = Path(__file__).resolve().parents[2]
SUITES = ("tests/contracts", "tests/live")
CREDENTIALS = "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, where they are temporary)"
COST = """
This makes two stacks named {name}-… in account {account}, {region}: buckets, tables, queues, topics, a pipe, four alarms.
It takes about 20 minutes. Some 20,000 requests and 1 GB of transfer cost less than 0.50 US dollars, and nothing once it has ended.
"""


def main(arguments: list[str]) -> int:
    """Asks nothing; returns the exit status."""
    if "AWS_REGION" in os.environ:  # which services read first, and boto3 not at all
        os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"]
    session = boto3.Session()
    missing = what_is_missing(session)
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
        left = take_down(session, name)
    for problem in left:
        print(problem, file=sys.stderr)
    return status or int(bool(left))


def what_is_missing(session: boto3.Session) -> str | None:
    """The end of a sentence, or None when there is an account to talk to."""
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
    """pytest on the suites; an interrupt is handed on to it, so that its fixtures take down what they made."""
    environment = {**os.environ, "TINYPIXO_TEST_AWS": "1", "TINYPIXO_TEST_NAME": name}
    command = [sys.executable, "-m", "pytest", "-m", "aws", *SUITES, *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, preexec_fn=_hear_interrupts) as running:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: running.send_signal(signal.SIGINT))
        status = running.wait()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # what is left is taken down whatever happens
    return status


def _hear_interrupts() -> None:
    """Whoever is started in a script's background inherits deafness to SIGINT, and would never end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def take_down(session: Any, name: str) -> list[str]:
    """Deletes what is left of this run, which is nothing unless pytest was killed. What could not be deleted, in words."""
    clients = Clients.made_by(session.client)
    pages = clients.cloudformation.get_paginator("list_stacks").paginate()
    stacks = {s["StackName"]: s["StackStatus"] for page in reversed(list(pages)) for s in reversed(page["StackSummaries"])}
    problems = []
    for stack, status in stacks.items():
        if stack.startswith(f"{name}-") and status != "DELETE_COMPLETE":
            print(f"Taking down {stack} …", flush=True)
            try:
                delete_stack(clients, stack)
            except (StackError, ClientError, BotoCoreError) as error:
                problems.append(f"The stack {stack} is still there, delete it by hand: {error}")
    sqs = session.client("sqs")
    for url in sqs.list_queues(QueueNamePrefix=f"{name}-").get("QueueUrls", []):
        sqs.delete_queue(QueueUrl=url)
    print("Everything that was made has been taken down." if not problems else "", flush=True)
    return problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
