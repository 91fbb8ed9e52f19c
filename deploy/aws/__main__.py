"""Deploy, show, roll back, rotate or destroy an installation."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from deploy.aws import destroy, preflight, rotate, smoke, status
from deploy.aws.deployment import ALL, Deployment
from deploy.aws.images import Images, current_tag
from deploy.aws.installation import STACKS_OF, Installation, from_environment
from deploy.aws.page import upload_page
from deploy.aws.stacks import Stacks
from deploy.errors import DeployError


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.aws", description=__doc__)
    parser.add_argument("command", choices=["deploy", "status", "rollback", "rotate", "destroy"])
    parser.add_argument("--service", choices=[*STACKS_OF], help="this service only")
    parser.add_argument("--tag", help="version of the images; by default, the Git commit")
    parser.add_argument("--secret", help="the secret to replace")
    parser.add_argument("--set", default="", help="parameters of templates: 'Key=Value Key=Value'")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except (DeployError, ClientError, BotoCoreError) as error:
        echo(f"Stopped: {error}")
        return 1
    except KeyboardInterrupt:
        echo("\nInterrupted. CloudFormation ends what it has begun; the same command continues.")
        return 130


def _run(options: argparse.Namespace) -> int:
    installation = from_environment()
    stacks = Stacks(
        installation.client("cloudformation"), echo, 0.5 if installation.emulated else 3
    )
    images = Images(installation, echo)
    given = parameters_of(options.set)

    def deployment(**more: str) -> Deployment:
        return Deployment(installation, stacks, images, {**given, **more}, echo)

    if options.command == "status":
        return 0 if status.show(installation, stacks, echo) else 1
    if options.command == "destroy":
        _confirm(options, f"This deletes {installation.name} with all files.", installation.name)
        destroy.destroy(installation, stacks, echo)
    elif options.command == "rollback":
        deployment().roll_back(_required(options.service, "SERVICE"))
    elif options.command == "rotate":
        restart = lambda: rotate.restart_all(  # noqa: E731
            installation, stacks, lambda version: deployment(SecretsVersion=version)
        )
        rotate.rotate(installation, _required(options.secret, "SECRET"), restart, echo)
    elif options.service:
        image = images.provide(options.service, options.tag or current_tag())
        deployment().service(options.service, image)
    else:
        _deploy_everything(options, installation, stacks, given, images)
    return 0


def _deploy_everything(
    options: argparse.Namespace,
    installation: Installation,
    stacks: Stacks,
    given: dict[str, str],
    images: Images,
) -> None:
    known = stacks.parameters(installation.stack("base"))
    for kind in ("roles", "janitor"):
        known |= stacks.parameters(installation.stack(kind))
    given |= preflight.check(installation, known, given, echo)
    for kind in ALL:
        present = stacks.status(installation.stack(kind))
        echo(f"    {installation.stack(kind):<24} {present or 'will be created'}")
    _confirm(options, "Each stack shows its changes before they are made.", "yes")
    deployment = Deployment(installation, stacks, images, given, echo)
    url = deployment.everything(options.tag or current_tag())
    edge = stacks.outputs(installation.stack("edge"))
    echo(f"page: {upload_page(installation.client('s3'), edge['PageBucketName'])} files")
    if installation.emulated:
        left_out = sorted({each for kind in ALL for each in _left_out(installation, stacks, kind)})
        echo("This endpoint is an emulator. It left out: " + ", ".join(left_out))
        echo("No service runs there, so there is no smoke test.")
    echo(f"The page is at {url}")
    if not installation.emulated:
        _smoke_test(edge)


def _smoke_test(edge: Mapping[str, str]) -> None:
    """Walk through the page by CloudFront's own name: one of yours may not point there yet."""
    domain = edge["DistributionDomain"]
    name = edge["Url"].removeprefix("https://")
    if name != domain:
        echo(f"Your DNS must have: {name} CNAME {domain}")
    echo(f"Smoke test: {smoke.run(f'https://{domain}'):.0f} s from upload to deletion")


def _left_out(installation: Installation, stacks: Stacks, kind: str) -> set[str]:
    """Return the types of a stack that an emulator did not create."""
    return {
        each["ResourceType"]
        for each in stacks.resources(installation.stack(kind))
        if each.get("PhysicalResourceId", "unknown") == "unknown"
    }


def parameters_of(text: str) -> dict[str, str]:
    """Return parameters given as 'Key=Value Key=Value'. Raises DeployError."""
    pairs = [each.partition("=") for each in text.split()]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise DeployError(f"SET is 'Key=Value Key=Value'; {wrong[0]} has no value.")
    return {key: value for key, _, value in pairs}


def _confirm(options: argparse.Namespace, text: str, expected: str) -> None:
    if options.yes or os.environ.get("YES"):
        return
    try:
        answer = input(f"{text} Type '{expected}' to go on: ")
    except EOFError:
        raise DeployError("nobody answered, so nothing was changed. YES=1 answers.") from None
    if answer.strip() != expected:
        raise DeployError("nothing was changed.")


def _required(value: str | None, name: str) -> str:
    if not value:
        raise DeployError(f"{name}=… is missing.")
    return value


def echo(text: str) -> None:
    """Print a line at once, because operations take minutes."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
