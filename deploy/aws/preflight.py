"""Check what a deployment needs before anything is changed."""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws.cost import idle_month
from deploy.aws.installation import MOST_ZONES, SIZES, STACKS_OF, Installation
from deploy.errors import DeployError

FARGATE_VCPUS = ("fargate", "L-3032A538")
"""The quota of Fargate's virtual processors that run at the same time."""


def check(
    installation: Installation,
    known: Mapping[str, str],
    given: Mapping[str, str],
    echo: Callable[[str], None],
) -> dict[str, str]:
    """Return parameters that are found out: the network. Print what is found.

    Args:
        installation: The account and region.
        known: Parameters of the stacks that exist.
        given: Parameters of this run.
        echo: Prints a line.

    Raises:
        DeployError: Something is missing; the text says how to give it.
    """
    values = {**known, **given}
    echo(f"Account {installation.account}, region {installation.region}, name {installation.name}")
    if "AlarmEmail" not in values:
        raise DeployError(
            "Alarms need an address: make deploy SET='AlarmEmail=you@example.com'. "
            "AWS sends it a mail that has to be confirmed."
        )
    if values.get("WorkerRuntime", "fargate") != "fargate":
        raise DeployError(
            "Conversions do not run on App Runner: it gives CPU only to an instance that answers a "
            "request, and ends requests after 120 s. In a simulation (frozen without a request) a "
            "conversion was at 12 % after 157 s, with all attempts spent. They run on Fargate."
        )
    found = {} if "Subnets" in values else _default_network(installation)
    _print_quota(installation, echo)
    runtime = values.get("WebRuntime", "express")
    echo(f"Idle, it costs about ${idle_month(runtime):.0f} a month (deploy/aws/prices.json).")
    return found


def _default_network(installation: Installation) -> dict[str, str]:
    """Return the default VPC and its public subnets."""
    ec2 = installation.client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    hint = "SET='VpcId=vpc-… Subnets=subnet-…,subnet-…'"
    if not vpcs:
        raise DeployError(f"There is no default VPC in {installation.region}. Name one: {hint}")
    vpc = vpcs[0]["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    # Others may have no way to the internet.
    public = [each for each in subnets if each["DefaultForAz"]]
    by_zone = {each["AvailabilityZone"]: each["SubnetId"] for each in public}
    chosen = [by_zone[zone] for zone in sorted(by_zone)][:MOST_ZONES]
    if len(chosen) < 2:
        raise DeployError(f"{vpc} has default subnets in fewer than two zones. Name some: {hint}")
    return {"VpcId": vpc, "Subnets": ",".join(chosen)}


def needed_vcpus() -> int:
    """Return the processors of all services at their largest, while each is replaced."""
    units = 0
    for kind in (stack for stacks in STACKS_OF.values() for stack in stacks):
        size = SIZES.get(kind, {})
        units += int(size.get("Cpu", 256)) * int(size.get("MaxInstances", 1))
    return ceil(2 * units / 1024)


def _print_quota(installation: Installation, echo: Callable[[str], None]) -> None:
    """Warn if the quota is low. It can be raised while the deployment goes on."""
    service, code = FARGATE_VCPUS
    try:
        quotas: Any = installation.client("service-quotas")
        quota = quotas.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"]
    except (ClientError, BotoCoreError) as error:
        echo(f"The quota of Fargate cannot be read ({type(error).__name__}).")
        return
    needed = needed_vcpus()
    if quota < needed:
        echo(
            f"Fargate's quota is {quota:.0f} vCPUs, of which a deployment at full size needs "
            f"{needed}. Raise it: aws service-quotas request-service-quota-increase "
            f"--service-code {service} --quota-code {code} --desired-value {4 * needed}"
        )
