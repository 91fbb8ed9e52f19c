"""Let tus requests break off, be replaced and be killed at random, and compare the file."""

import hashlib
import random
from contextlib import suppress

import pytest

from libs.core.domain.uploads import TusState, UploadStatus
from libs.core.errors import CoreError
from services.upload.container import UploadContainer
from services.upload.tus.append import AppendToUpload
from services.upload.tus.append_writer import AppendWriter
from services.upload.tus.headers import Checksum
from tests.upload.failing_ports import FailingPorts, Killed
from tests.upload.support import OWNER, Client, UploadHarness

SIZES = (1, 4, 5, 10, 12, 50, 73)
"""Bytes; parts have 5."""


class RandomClient:
    """Send a file by tus through a service that fails."""

    def __init__(
        self, harness: UploadHarness, use_case: AppendToUpload, body: bytes, chance: random.Random
    ) -> None:
        self._harness = harness
        self._use_case = use_case
        self._body = body
        self._chance = chance
        self.upload = harness.create_upload()
        tus = TusState()
        self.upload = harness.table.change(self.upload, size=len(body), tus=tus)
        self._acknowledged = 0

    def offset(self) -> int:
        """Return what HEAD tells, which never goes back."""
        upload = self._use_case.show(OWNER, self.upload.id)
        assert upload.tus
        assert self._acknowledged <= upload.tus.offset <= len(self._body)
        self._acknowledged = upload.tus.offset
        return self._acknowledged

    def send_some(self) -> None:
        """Send the next bytes by one request, beside one that it replaces."""
        offset = self.offset()
        replaced = self._begin(offset) if self._chance.random() < 0.4 else None
        end = self._chance.randint(offset, len(self._body))
        piece = self._body[offset:end]
        checksum = self._checksum(piece)
        writer = self._begin(offset, checksum)
        for block in self._blocks(piece):
            with suppress(CoreError):
                if replaced and self._chance.random() < 0.5:
                    replaced.write(b"X" * self._chance.randint(1, len(self._body) - offset))
            try:
                writer.write(block)
            except CoreError:
                break  # the service keeps what has come
        with suppress(CoreError):
            if replaced and self._chance.random() < 0.5:
                self._use_case.finish(OWNER, replaced)
        done = self._use_case.finish(OWNER, writer)
        assert done.tus
        self._acknowledged = done.tus.offset

    def look(self) -> None:
        """Ask as the page does, which reconciles the upload with S3."""
        shown = self._harness.show(OWNER, self.upload.id)
        assert shown.status in (UploadStatus.UPLOADING, UploadStatus.UPLOADED)

    def is_done(self) -> bool:
        return self._harness.now(self.upload).status is UploadStatus.UPLOADED

    def _begin(self, offset: int, checksum: Checksum | None = None) -> AppendWriter:
        return self._use_case.begin(OWNER, self.upload.id, offset, None, checksum)

    def _checksum(self, piece: bytes) -> Checksum | None:
        drawn = self._chance.random()
        if drawn < 0.6:
            return None
        wrong = b"of other bytes" if drawn > 0.9 else b""
        return Checksum("sha256", hashlib.sha256(piece + wrong).digest())

    def _blocks(self, piece: bytes) -> list[bytes]:
        size = self._chance.randint(1, 12)
        return [piece[start : start + size] for start in range(0, len(piece), size)]


@pytest.fixture
def use_case(client: Client, container: UploadContainer) -> AppendToUpload:
    del client  # its fixture puts the memory adapters into the container
    return container.append_to_upload()


@pytest.mark.parametrize("seed", range(40))
def test_the_file_is_whole_whatever_fails_on_the_way(
    harness: UploadHarness, use_case: AppendToUpload, seed: int
) -> None:
    chance = random.Random(seed)
    body = chance.randbytes(chance.choice(SIZES))
    sender = RandomClient(harness, use_case, body, chance)
    faults = FailingPorts(harness, chance)

    for step in range(300):
        if step == 200:
            faults.rate = 0.0
        with suppress(CoreError, Killed):
            if chance.random() < 0.2:
                sender.look()
            sender.send_some()
            if sender.is_done():
                break

    faults.rate = 0.0
    assert harness.now(sender.upload).status is UploadStatus.UPLOADED
    assert harness.body(sender.upload) == body
