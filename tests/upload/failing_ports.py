"""Make the ports of the upload service fail at random."""

import random
from collections.abc import Callable
from typing import Any

from tests.fault_injection import UNREACHABLE
from tests.upload.support import UploadHarness


class Killed(BaseException):
    """Indicates that the service was killed: nothing of the request runs any more."""


class FailingPorts:
    """Make calls fail before or after their effect, or kill the service there.

    `rate` is the share of calls that fail.
    """

    CALLS = (
        ("objects", "put", "read", "head"),
        ("multipart", "create", "put_part", "list_parts", "complete", "abort"),
        ("resumable_uploads", "claim", "advance"),
        ("uploads", "create", "get", "add_parts", "set_parts", "mark_uploaded"),
    )

    def __init__(self, harness: UploadHarness, chance: random.Random) -> None:
        self.rate = 0.15
        self._chance = chance
        for port, *methods in self.CALLS:
            for method in methods:
                target = getattr(harness, port)
                setattr(target, method, self._failing(getattr(target, method)))

    def _failing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if self._chance.random() >= self.rate:
                return original(*arguments, **options)
            if self._chance.random() < 0.5:  # as when a reply is lost
                original(*arguments, **options)
            raise self._chance.choice((UNREACHABLE, Killed()))

        return call
