"""Deliver S3 events twice, late, too early, out of order, or never (faults 13 to 17)."""

import random
from collections.abc import Callable

import pytest

from libs.core.domain.conversions import Phase
from libs.core.domain.uploads import UploadStatus
from libs.core.errors import UploadNotFound
from services.conversion.worker.scheduling import LONGEST_LOOK_PAUSE
from tests.conversion.support import PATIENCE, ConversionEnvironment


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("is_removed", [False, True])
def test_events_in_any_order_have_one_result(
    env: ConversionEnvironment, seed: int, is_removed: bool
) -> None:
    chance = random.Random(seed)
    upload, waiting = env.start_upload(waiting=2)
    steps: list[Callable[[], object]] = [lambda: env.store_object(upload)]
    if chance.random() < 0.5:  # the upload service may die before it records the completion
        steps.append(lambda: env.uploads.mark_uploaded(upload.id))
    if is_removed:
        steps.append(lambda: env.uploads.remove(upload.id, upload.owner))
    for _ in range(chance.randrange(4)):  # the event may be lost, or come several times
        steps.insert(chance.randrange(len(steps) + 1), lambda: env.mark_uploaded(upload.id))

    for step in steps:
        step()
        env.clock.advance(chance.uniform(0, 2 * PATIENCE))
        if chance.random() < 0.3:
            env.check_awaited_uploads()
    env.clock.advance(LONGEST_LOOK_PAUSE + 1)
    env.check_awaited_uploads()

    if is_removed:
        with pytest.raises(UploadNotFound):
            env.uploads.get(upload.id)
        return
    now = env.uploads.get(upload.id)
    assert (now.status, now.version) == (UploadStatus.UPLOADED, upload.version + 1)
    assert {(c.phase, c.version) for c in map(env.current, waiting)} == {(Phase.QUEUED, 2)}
