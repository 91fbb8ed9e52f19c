"""Build images, push them to ECR, and name them by digest."""

import base64
import os
import re
import subprocess
from collections.abc import Callable

from botocore.exceptions import ClientError

from deploy.aws.installation import ROOT, Installation
from deploy.errors import DeployError

WITHOUT_ATTESTATIONS = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""With them Docker would push an index of two manifests. ECS reports the digest of the image, not
of the index, and each version would count as three of the ten that a repository keeps."""

COMMIT = re.compile(r"[0-9a-f]{12}(-[0-9a-f]{12})?")
"""Tags that `current_tag` makes."""


def current_tag() -> str:
    """Return the commit of this folder; with uncommitted changes, their digest as well."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    # A commit of the working tree, or nothing if it has no changes. Its tree has no time in it.
    changes = _git("stash", "create")
    if not changes:
        return commit
    tree = _git("rev-parse", changes + "^{tree}")
    return f"{commit}-{tree[:12]}"


def _is_another_commit(tag: str) -> bool:
    """Return True if a tag names a commit that this folder does not contain."""
    if not COMMIT.fullmatch(tag):
        return False
    try:
        return tag != current_tag()
    except DeployError:
        return False  # no Git checkout: whoever deploys knows what it contains


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DeployError("This folder is no Git checkout. Name the version yourself: TAG=…")
    return done.stdout.strip()


class Images:
    """Provide the image of a service in the registry of the account."""

    def __init__(self, installation: Installation, echo: Callable[[str], None]) -> None:
        """Use the program that DOCKER names, such as podman; `docker` by default."""
        self._installation = installation
        self._echo = echo
        self._docker = os.environ.get("DOCKER", "docker")
        self._logged_in = False

    def provide(self, service: str, tag: str) -> str:
        """Return the URI by digest. Build and push the image if the registry lacks the tag.

        Raises DeployError, also for the tag of another commit: its code is not here.
        """
        repository = f"{self._installation.registry}/{self._installation.name}/{service}"
        if digest := self._find(service, tag):
            self._echo(f"image {service}:{tag} is there")
            return f"{repository}@{digest}"
        if _is_another_commit(tag):
            raise DeployError(
                f"The registry has no {service}:{tag}. To build it: git checkout {tag[:12]}, and "
                "the same command without TAG."
            )
        self._echo(f"image {service}:{tag}: building")
        # The images run on x86-64, whatever machine builds them.
        build = ["build", "--platform", "linux/amd64", "--file", "deploy/Dockerfile"]
        self._run(*build, "--build-arg", f"SERVICE={service}", "--tag", f"{repository}:{tag}", ".")
        self._log_in()
        self._run("push", f"{repository}:{tag}")
        told = self._run(
            "image",
            "inspect",
            "--format",
            "{{range .RepoDigests}}{{.}} {{end}}",
            f"{repository}:{tag}",
        )
        uris = [line for line in told.split() if line.startswith(f"{repository}@sha256:")]
        if not uris:
            raise DeployError(f"Docker does not say which digest it pushed for {repository}:{tag}.")
        return uris[0]

    def _find(self, service: str, tag: str) -> str | None:
        if self._installation.emulated:
            return None  # LocalStack without a licence has no ECR
        try:
            found = self._installation.client("ecr").describe_images(
                repositoryName=f"{self._installation.name}/{service}", imageIds=[{"imageTag": tag}]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ImageNotFoundException":
                return None
            raise
        return str(found["imageDetails"][0]["imageDigest"])

    def _log_in(self) -> None:
        if self._logged_in or self._installation.emulated:
            return
        answer = self._installation.client("ecr").get_authorization_token()
        token = answer["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().partition(":")[2]
        login = ["login", "--username", "AWS", "--password-stdin", self._installation.registry]
        self._run(*login, given=password)
        self._logged_in = True

    def _run(self, *arguments: str, given: str | None = None) -> str:
        try:
            done = subprocess.run(
                [self._docker, *arguments],
                cwd=ROOT,
                env={**os.environ, **WITHOUT_ATTESTATIONS},
                input=given,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise DeployError(f"{self._docker} is not installed; it builds the images.") from None
        if done.returncode:
            last = re.sub(r"\s+", " ", done.stderr.strip())[-500:]
            raise DeployError(f"{self._docker} {arguments[0]} failed: {last}")
        return done.stdout
