"""What a stack of local processes stands on: an emulator of AWS, or AWS. A stack knows nothing else of either."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import boto3

from deploy.local.bootstrap import Clients, StackOutputs, delete_stack, ensure_stack

REGION = "us-east-1"


class Emulator(Protocol):
    """A process or container that speaks as AWS does."""

    @property
    def endpoint_url(self) -> str: ...
    @property
    def log(self) -> Path: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def is_alive(self) -> bool: ...


class Cloud(Protocol):
    """Where the data lives."""

    relays: bool
    """Whether it carries the table's stream to the topic by itself, as an EventBridge Pipe does."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What processes need to reach it, and no more."""

    @property
    def log(self) -> Path | None:
        """Where to look when it has died."""

    def start(self) -> None:
        """Returns when it answers."""

    def stop(self) -> None:
        """May be repeated."""

    def is_alive(self) -> bool:
        """False when nothing can work any more."""

    def bring_up(self, origins: Sequence[str]) -> StackOutputs:
        """The data stack for a page of these origins."""

    @property
    def media_origin(self) -> str:
        """Where presigned URLs point to, once the stack is up."""


class EmulatedCloud:
    """An emulator; of the caller's credentials and AWS settings nothing reaches it, nor the processes that use it."""

    relays = False

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
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

    def bring_up(self, origins: Sequence[str]) -> StackOutputs:
        session: Any = boto3.Session("test", "test", region_name=REGION)
        with _closing(lambda name: session.client(name, endpoint_url=self.emulator.endpoint_url)) as clients:
            return ensure_stack(clients, origins=origins)

    @property
    def media_origin(self) -> str:
        return self.emulator.endpoint_url


class AccountCloud:
    """The account of the environment, in a stack of its own that goes away with `stop`.

    With AWS_ENDPOINT_URL set the "account" is an emulator, which has no pipes: nothing else differs.
    """

    log = None

    def __init__(self, name: str) -> None:
        self.name = name
        self.session: Any = boto3.Session()
        self.endpoint = os.environ.get("AWS_ENDPOINT_URL")
        self.relays = not self.endpoint

    @property
    def environment(self) -> Mapping[str, str]:
        """The caller's own, credentials included."""
        present = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return {"AWS_REGION": str(self.session.region_name), **present}

    def start(self) -> None:
        """It is there always."""

    def stop(self) -> None:
        with _closing(self.session.client) as clients:
            delete_stack(clients, self.name)

    def is_alive(self) -> bool:
        return True

    def bring_up(self, origins: Sequence[str]) -> StackOutputs:
        relay, target = ("pipe", "aws") if self.relays else ("external", "emulator")
        with _closing(self.session.client) as clients:
            outputs = ensure_stack(clients, self.name, origins, relay, target)
        self._bucket = outputs.bucket_name
        return outputs

    @property
    def media_origin(self) -> str:
        return self.endpoint or f"https://{self._bucket}.s3.{self.session.region_name}.amazonaws.com"


@contextmanager
def _closing(make: Callable[[str], Any]) -> Iterator[Clients]:
    """Clients for the length of a `with`."""
    clients = Clients.made_by(make)
    try:
        yield clients
    finally:
        for client in vars(clients).values():
            client.close()
