"""List the writes that a lease permits, and the ways to lose it."""

from collections.abc import Callable
from typing import Any

import pytest

from libs.core.domain.conversions import Conversion, ConversionWarning, LossMeaning, Phase
from libs.core.domain.uploads import Failure
from libs.core.ports.leases import ProgressReport
from tests.contracts.backend import Backend
from tests.fakes import DAY, an_output

LEASE = 30.0
BROKEN = Failure("corrupt", "The start is after the end.", "start_after_end")

Write = Callable[[Backend, Conversion], Any]
WRITES: dict[str, Write] = {
    "report": lambda backend, mine: backend.leases.report(
        mine, ProgressReport(Phase.CONVERTING, 50.0), LEASE
    ),
    "publish": lambda backend, mine: backend.leases.publish(mine, an_output(mine), ()),
    "set_loss_meaning": lambda backend, mine: backend.leases.set_loss_meaning(
        mine, LossMeaning.LEAVING
    ),
    "fail": lambda backend, mine: backend.leases.fail(mine, BROKEN),
    "release": lambda backend, mine: backend.leases.release(mine),
}
LOSSES: dict[str, Write] = {
    "cancelled": lambda backend, mine: backend.conversions.cancel(mine.id, mine.owner),
    "removed": lambda backend, mine: backend.conversions.remove(mine.id, mine.owner),
    "expired": lambda backend, mine: backend.clock.advance(DAY),
    "taken over": lambda backend, mine: take_over(backend, mine),
    "taken over by its namesake": lambda backend, mine: take_over(backend, mine, "first"),
    "released and claimed": lambda backend, mine: (
        backend.leases.release(mine),
        claim(backend, mine),
    ),
    "taken over and finished": lambda backend, mine: publish(backend, take_over(backend, mine)),
    "taken over and failed": lambda backend, mine: backend.leases.fail(
        take_over(backend, mine), BROKEN
    ),
    "taken over and released": lambda backend, mine: backend.leases.release(
        take_over(backend, mine)
    ),
}
every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def claim(backend: Backend, conversion: Conversion, worker: str = "first") -> Conversion:
    """Claim a conversion that can be claimed."""
    claimed = backend.leases.claim(conversion.id, worker, LEASE)
    assert claimed is not None
    return claimed


def take_over(backend: Backend, conversion: Conversion, worker: str = "second") -> Conversion:
    """Claim a running conversion at the version that was observed for the length of a lease."""
    version = backend.conversions.get(conversion.id).version
    taken = backend.leases.claim(conversion.id, worker, LEASE, version, alone=True)
    assert taken is not None
    return taken


TRUNCATED = ConversionWarning("source_truncated", "The file was cut short.")
NO_COVER = ConversionWarning("cover_dropped", "The cover is too large.", "picture_too_large")


def publish(backend: Backend, mine: Conversion) -> Conversion:
    """Publish an output with two warnings."""
    return backend.leases.publish(mine, an_output(mine), [TRUNCATED, NO_COVER])
