"""Choose where the local processes keep their data: an emulator, or an AWS account."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import boto3

from deploy.local.bootstrap import Clients, StackOutputs, delete_stack, deploy_stack
from deploy.local.credentials import Credentials

REGION = "us-east-1"


class Emulator(Protocol):
    """Control a process or container that answers as AWS does."""

    is_durable: bool
    """True if its data survives a restart."""

    @property
    def credentials(self) -> Credentials: ...
    @property
    def endpoint_url(self) -> str: ...
    @property
    def log(self) -> Path: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def is_alive(self) -> bool: ...


class DeploymentTarget(Protocol):
    """Give the local processes a place for their data."""

    has_pipe: bool
    """True if an EventBridge Pipe carries the table's stream to the topic."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment variables with which processes reach it."""

    @property
    def log(self) -> Path | None:
        """Return the path of its log, or None if it has none."""

    def start(self) -> None:
        """Start it, and return when it answers."""

    def stop(self) -> None:
        """Stop it. Does nothing if it has stopped."""

    def is_alive(self) -> bool:
        """Return False if it has ended, and no process can work any more."""

    def can_restart(self) -> bool:
        """Return True if `start` brings it back with its data."""

    def deploy(self, origins: Sequence[str]) -> StackOutputs:
        """Deploy the data stack for a page of these origins."""

    @property
    def bucket_origin(self) -> str:
        """Return the origin that presigned URLs point to. Call `deploy` first."""


class EmulatorTarget:
    """Keep the data in an emulator.

    The caller's AWS credentials and settings reach neither the emulator nor the processes.
    """

    has_pipe = False

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.emulator.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.emulator.credentials.secret_access_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    @property
    def log(self) -> Path:
        return self.emulator.log

    def start(self) -> None:
        self.emulator.start()

    def stop(self) -> None:
        self.emulator.stop()

    def is_alive(self) -> bool:
        return self.emulator.is_alive()

    def can_restart(self) -> bool:
        return self.emulator.is_durable

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator."""
        session: Any = boto3.Session(*self.emulator.credentials, region_name=REGION)
        return session.client(service, endpoint_url=self.emulator.endpoint_url)

    def deploy(self, origins: Sequence[str]) -> StackOutputs:
        with _closing(self.client) as clients:
            return deploy_stack(clients, origins=origins)

    @property
    def bucket_origin(self) -> str:
        return self.emulator.endpoint_url


class AccountTarget:
    """Keep the data in the AWS account of the environment, in a stack that `stop` deletes.

    With AWS_ENDPOINT_URL set the account is an emulator, which has no pipe.
    """

    log = None

    def __init__(self, name: str) -> None:
        self.name = name
        self.session: Any = boto3.Session()
        self.endpoint = os.environ.get("AWS_ENDPOINT_URL")
        self.has_pipe = not self.endpoint

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the caller's AWS variables, credentials included."""
        present = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return {"AWS_REGION": str(self.session.region_name), **present}

    def start(self) -> None:
        """Return at once: an account is always there."""

    def stop(self) -> None:
        with _closing(self.session.client) as clients:
            delete_stack(clients, self.name)

    def is_alive(self) -> bool:
        return True

    def can_restart(self) -> bool:
        return False

    def deploy(self, origins: Sequence[str]) -> StackOutputs:
        relay, kind = ("pipe", "aws") if self.has_pipe else ("external", "emulator")
        with _closing(self.session.client) as clients:
            outputs = deploy_stack(clients, self.name, origins, relay, kind)
        self._bucket = outputs.bucket_name
        return outputs

    @property
    def bucket_origin(self) -> str:
        region = self.session.region_name
        return self.endpoint or f"https://{self._bucket}.s3.{region}.amazonaws.com"


@contextmanager
def _closing(create: Callable[[str], Any]) -> Iterator[Clients]:
    """Create clients, and close them at the end of the `with` block."""
    clients = Clients.create(create)
    try:
        yield clients
    finally:
        for client in vars(clients).values():
            client.close()
