"""Compare an upload with a small model, over random sequences of calls (Hypothesis).

S3's listing decides which parts there are; the file has the last version of each part.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from libs.core.domain.uploads import UploadStatus
from libs.core.errors import PartSizeMismatch, UploadClosed, UploadIncomplete
from tests.fakes import FakeClock
from tests.upload.support import OWNER, PART_SIZE, UploadHarness

SIZES = {1: PART_SIZE, 2: PART_SIZE, 3: 2}

numbers = st.sampled_from(sorted(SIZES))
letters = st.sampled_from([b"a", b"b", b"c"])


class UploadModel(RuleBasedStateMachine):
    """Model an upload: `stored` are the parts in S3, `file` is the completed file."""

    def __init__(self) -> None:
        super().__init__()
        self.harness = UploadHarness(FakeClock(1_800_000_000.0))
        self.upload = self.harness.create_upload()
        self.stored: dict[int, bytes] = {}
        self.file: bytes | None = None
        self.gone = False
        self.version = self.upload.version

    @property
    def closed(self) -> bool:
        return self.gone or self.file is not None

    @rule(number=numbers, letter=letters)
    def straight_to_s3(self, number: int, letter: bytes) -> None:
        if not self.closed:
            self._put(number, letter * SIZES[number])

    @rule(number=numbers, letter=letters)
    def of_the_wrong_size_to_s3(self, number: int, letter: bytes) -> None:
        if not self.closed:
            self._put(number, letter * (SIZES[number] + 1))

    @rule(number=numbers, letter=letters)
    def through_the_service(self, number: int, letter: bytes) -> None:
        body = letter * SIZES[number]
        if self.closed:
            self._refused(UploadClosed, lambda: self.harness.store_part(self.upload, number, body))
        else:
            assert number in self.harness.store_part(self.upload, number, body).completed_parts
            self.stored[number] = body

    @rule(number=numbers)
    def report(self, number: int) -> None:
        known = number in self.harness.now(self.upload).completed_parts
        if not known and self.closed:
            self._refused(UploadClosed, lambda: self.harness.report(OWNER, self.upload.id, number))
        elif not known and len(self.stored.get(number, b"")) != SIZES[number]:
            self._refused(
                PartSizeMismatch, lambda: self.harness.report(OWNER, self.upload.id, number)
            )
        else:
            assert number in self.harness.report(OWNER, self.upload.id, number).completed_parts

    @rule()
    def ask(self) -> None:
        shown = self.harness.show(OWNER, self.upload.id)
        if not self.closed:
            assert shown.completed_parts == self.whole

    @rule()
    def complete(self) -> None:
        if self.gone:
            self._refused(UploadClosed, lambda: self.harness.complete(OWNER, self.upload.id))
        elif self.file is None and self.whole != set(SIZES):
            self._refused(UploadIncomplete, lambda: self.harness.complete(OWNER, self.upload.id))
        else:
            assert self.harness.complete(OWNER, self.upload.id).status is UploadStatus.UPLOADED
            self.file = self.file or b"".join(self.stored[number] for number in sorted(SIZES))

    @precondition(lambda self: not self.closed)
    @rule(draw=st.integers(0, 9))
    def the_lifecycle_rule_aborts(self, draw: int) -> None:
        if draw == 0:
            self.harness.multipart.abort(self.upload.key, self.upload.multipart_id)
            self.gone = True

    @invariant()
    def versions_increase_and_an_uploaded_file_stays(self) -> None:
        now = self.harness.now(self.upload)
        assert now.version >= self.version
        self.version = now.version
        if self.file is not None:
            assert now.status is UploadStatus.UPLOADED
            assert self.harness.body(self.upload) == self.file

    @property
    def whole(self) -> set[int]:
        return {number for number, body in self.stored.items() if len(body) == SIZES[number]}

    def _put(self, number: int, body: bytes) -> None:
        self.harness.multipart.put_part(self.upload.key, self.upload.multipart_id, number, body)
        self.stored[number] = body

    def _refused(self, error: type[Exception], call: Any) -> None:
        try:
            call()
        except error:
            return
        raise AssertionError(f"this should have been refused with {error.__name__}")


TestUploadModel = UploadModel.TestCase
TestUploadModel.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True
)
