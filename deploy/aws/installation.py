"""Name the stacks of an installation, and what belongs to each."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from deploy.errors import DeployError

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]

STACKS_OF = {
    "upload": ("upload",),
    "conversion": ("conversion", "worker"),
    "progress": ("progress",),
    "janitor": ("janitor",),
}
"""Stacks that run the image of a service."""

WEB = ("upload", "conversion", "progress")
"""Stacks that browsers reach."""

SIZES = {
    "upload": {"Cpu": "512", "Memory": "1024"},
    "worker": {"Cpu": "2048", "Memory": "4096", "Slots": "2", "MaxInstances": "4"},
}
"""Parameters at the creation of a service's stack. Later, a stack keeps those that it has."""

MOST_ZONES = 3
"""Zones that a deployment chooses by itself. A load balancer pays for an address in each."""


@dataclass(frozen=True)
class Installation:
    """Hold the name, the account and the region of one installation."""

    name: str
    account: str
    region: str
    client: Callable[[str], Any]
    """Returns a boto3 client of a service, by name."""
    emulated: bool = False
    """True if an emulator stands in for AWS. Some resources are then left out."""

    @property
    def registry(self) -> str:
        """Return the host of the account's ECR registry."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"

    def stack(self, kind: str) -> str:
        """Return the name of a stack."""
        return f"{self.name}-{kind}"


def from_environment() -> Installation:
    """Return the installation that NAME, AWS_REGION and the credentials name.

    Raises:
        DeployError: Something is missing; the text says how to give it.
    """
    name = os.environ.get("NAME", "tinypixo")
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,24}", name):
        raise DeployError(f"NAME={name} is not a valid name: use 2 to 25 of a-z, 0-9 and hyphens.")
    region = os.environ.get("AWS_REGION") or boto3.Session().region_name
    if not region:
        raise DeployError("AWS_REGION is not set. Example: export AWS_REGION=eu-central-1")
    session: Any = boto3.Session(region_name=region)
    if session.get_credentials() is None:
        raise DeployError("There are no AWS credentials. `aws sts get-caller-identity` must work.")
    account = session.client("sts").get_caller_identity()["Account"]
    emulated = "AWS_ENDPOINT_URL" in os.environ
    return Installation(name, account, region, session.client, emulated)
