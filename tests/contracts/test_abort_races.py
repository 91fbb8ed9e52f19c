"""Test an abort while a part is still on its way (fault 45).

S3 may store such a part after the abort; the emulators do not, so its answers are given here.
"""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from libs.core.errors import MultipartUploadGone, StorageUnavailable
from libs.core.ports.multipart_uploads import Part
from tests.contracts.aws import AwsBackend
from tests.contracts.backend import Backend
from tests.contracts.test_unconfirmed_completion import ResponseBody
from tests.seeds import draw_seeds


@pytest.fixture
def aborts(aws_backend: AwsBackend) -> Iterator[list[str]]:
    """Confirm every abort, and return the URLs."""
    events: Any = aws_backend.connection.s3.meta.events
    sent: list[str] = []

    def confirm(request: Any, **_: Any) -> AWSResponse:
        sent.append(request.url)
        return AWSResponse(request.url, 204, HTTPHeaders(), ResponseBody())

    events.register("before-send.s3.AbortMultipartUpload", confirm)
    yield sent
    events.unregister("before-send.s3.AbortMultipartUpload", confirm)


@pytest.mark.parametrize("late", [0, 1, 2])
def test_an_abort_is_repeated_until_no_part_is_left(
    aws_backend: AwsBackend,
    prefix: str,
    aborts: list[str],
    late: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    multiparts = aws_backend.multiparts
    key = f"{prefix}song"
    multipart_id = multiparts.create(key, "audio/wav", {})
    listings: list[list[Part]] = [[Part(1, 5, "etag")]] * late

    def list_parts(*_: Any) -> list[Part]:
        if listings:
            return listings.pop()
        raise MultipartUploadGone("It is gone.")

    monkeypatch.setattr(multiparts, "list_parts", list_parts)

    multiparts.abort(key, multipart_id)

    assert len(aborts) == 1 + late
    assert not listings


@pytest.mark.parametrize("seed", draw_seeds())
def test_parts_sent_during_an_abort_leave_nothing(backend: Backend, prefix: str, seed: int) -> None:
    key = f"{prefix}song"
    multipart_id = backend.multiparts.create(key, "audio/wav", {})
    chance = random.Random(seed)
    aborting = chance.randrange(1, 8)
    together = threading.Barrier(8, timeout=30)

    def act(number: int) -> None:
        together.wait()
        if number == aborting:
            backend.multiparts.abort(key, multipart_id)
            return
        # moto has answers of 500 among these.
        with suppress(MultipartUploadGone, StorageUnavailable):
            backend.multiparts.put_part(key, multipart_id, number + 1, b"sound")

    order = chance.sample(range(8), 8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, order))

    assert list(backend.multiparts.list_open(key)) == []
    with pytest.raises(MultipartUploadGone):
        backend.multiparts.list_parts(key, multipart_id)
