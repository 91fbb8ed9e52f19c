"""Upload through a service whose storage fails and that is killed at any call (faults 1, 6, 8)."""

import random
from contextlib import suppress

import pytest

from libs.core.domain.uploads import Upload, UploadStatus
from libs.core.errors import CoreError
from services.upload.start_upload import NewUpload
from tests.upload.failing_ports import FailingPorts, Killed
from tests.upload.support import BODY, OWNER, UploadHarness, part


class PersistentClient:
    """Repeat each request until the file is uploaded, and ask before it sends parts."""

    def __init__(self, harness: UploadHarness, chance: random.Random) -> None:
        self._harness = harness
        self._chance = chance
        self._new = NewUpload(OWNER, "a.wav", len(BODY), "audio/wav", idempotency_key="one")

    def go_on(self) -> Upload:
        """Create the upload or find it, send parts that are missing, and complete it."""
        upload = self._harness.start(self._new)
        shown = self._harness.show(OWNER, upload.id)
        numbers = shown.missing_parts if shown.status is UploadStatus.UPLOADING else []
        self._chance.shuffle(numbers)
        for number in numbers:
            if self._chance.random() < 0.5:
                self._harness.store_part(shown, number, part(number))
            else:
                # Straight to S3, where nothing fails that the service could notice.
                self._harness.send_parts(shown, number)
                self._harness.report(OWNER, upload.id, number)
        return self._harness.complete(OWNER, upload.id)


@pytest.mark.parametrize("seed", range(40))
def test_the_file_is_uploaded_once_whatever_fails_on_the_way(
    harness: UploadHarness, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.upload.start_upload.choose_part_size", lambda *_: 5)
    chance = random.Random(seed)
    client = PersistentClient(harness, chance)
    faults = FailingPorts(harness, chance)

    done: list[Upload] = []
    for step in range(300):
        if step == 200:
            faults.rate = 0.0
        with suppress(CoreError, Killed):
            done.append(client.go_on())
        if len(done) == 3:
            break

    assert [upload.status for upload in done] == [UploadStatus.UPLOADED] * 3
    assert len({(upload.id, upload.version) for upload in done}) == 1
    assert harness.body(done[0]) == BODY
    assert [item.id for item in harness.table.all()] == [done[0].id]
