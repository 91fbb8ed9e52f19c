"""Test the janitor on S3 and DynamoDB as moto has them, and its command."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.domain.events import ItemRemoved
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Upload
from libs.core.metrics import EmbeddedMetrics
from libs.core.ports.inbox import Message
from services.janitor.deletion import DeleteObjects, DeletionResult
from services.janitor.orphans import DeleteOrphans
from services.janitor.sweep import Sweep
from services.janitor.use_cases import HandleMessages
from tests.contracts.aws import ANY_CREDENTIALS, AwsBackend, Connection, moto_running
from tests.fakes import FakeClock, a_conversion, an_upload
from tests.janitor.support import DAY, TOKEN

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def moto() -> Iterator[Connection]:
    with moto_running() as connection:
        yield connection


@pytest.fixture
def backend(moto: Connection, clock: FakeClock) -> Iterator[AwsBackend]:
    with moto.table() as table_name:
        backend = AwsBackend(moto, table_name, clock)
        yield backend
        backend.objects.delete(keys(backend))


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture
def delete_objects(backend: AwsBackend, executor: ThreadPoolExecutor) -> DeleteObjects:
    return DeleteObjects(backend.expired, backend.objects, backend.multiparts, executor)


@pytest.fixture
def sweep(
    backend: AwsBackend, delete_objects: DeleteObjects, executor: ThreadPoolExecutor
) -> Sweep:
    delete_orphans = DeleteOrphans(
        backend.expired, backend.objects, backend.multiparts, delete_objects, 3600, backend.clock
    )
    return Sweep(
        backend.expired, delete_orphans, executor, 60, EmbeddedMetrics("test"), backend.clock
    )


def stored(backend: AwsBackend, upload: Upload) -> str:
    backend.objects.put(upload.key, b"abc", "audio/wav", {})
    return upload.key


def keys(backend: AwsBackend) -> set[str]:
    return {
        info.key for prefix in ("uploads/", "outputs/") for info in backend.objects.list(prefix)
    }


def test_an_upload_is_deleted_with_its_open_parts(
    backend: AwsBackend, delete_objects: DeleteObjects, executor: ThreadPoolExecutor
) -> None:
    upload = an_upload(now=backend.clock())
    upload = replace(upload, multipart_id=backend.multiparts.create(upload.key, "audio/wav", {}))
    backend.multiparts.put_part(upload.key, upload.multipart_id, 1, b"abc")
    stored(backend, upload)
    conversion = a_conversion(upload)
    backend.uploads.create(replace(upload, conversions=(conversion.id,)), [conversion])
    upload = backend.uploads.remove(upload.id, upload.owner)
    handle = HandleMessages(backend.expired, delete_objects, executor)
    removed = Message((ItemRemoved(upload, expired=False),), True, "receipt", 1)

    assert handle([removed]) == [removed]
    assert upload.key not in keys(backend)
    assert list(backend.multiparts.list_open(f"uploads/{upload.id}/")) == []
    assert not backend.expired.read_many([conversion.id])


def test_an_answer_of_200_that_names_an_error_is_no_success(
    backend: AwsBackend, executor: ThreadPoolExecutor
) -> None:
    """See docs/faults.md, 44."""
    upload = an_upload(now=backend.clock())
    key = stored(backend, upload)
    delete = backend.connection.s3.delete_objects
    refusals = iter(
        [
            {
                "Errors": [
                    {
                        "Key": key,
                        "Code": "InternalError",
                        "Message": "We encountered an internal error.",
                    }
                ]
            }
        ]
    )

    class Client:
        def __getattr__(self, name: str) -> Any:
            return getattr(backend.connection.s3, name)

        def delete_objects(self, **request: Any) -> Any:
            return next(refusals, None) or delete(**request)

    bucket = backend.connection.stack.bucket_name
    client: Any = Client()
    delete_objects = DeleteObjects(
        backend.expired,
        S3ObjectStore(client, bucket),
        S3MultipartUploads(client, bucket),
        executor,
    )
    handle = HandleMessages(backend.expired, delete_objects, executor)
    removed = Message((ItemRemoved(upload, expired=False),), True, "receipt", 1)

    assert handle([removed]) == []
    assert handle([removed]) == [removed]
    assert key not in keys(backend)


@pytest.mark.slow
def test_more_objects_than_a_page_has_are_deleted(
    backend: AwsBackend, delete_objects: DeleteObjects
) -> None:
    upload = an_upload(now=backend.clock())
    for number in range(1005):
        backend.objects.put(f"uploads/{upload.id}/{number}", b"x", "text/plain", {})

    assert delete_objects([upload]) == DeletionResult(objects=1005, bytes=1005)
    assert keys(backend) == set()


def test_a_sweep_takes_what_has_expired_and_what_is_left_over(
    backend: AwsBackend, sweep: Sweep
) -> None:
    old, orphan = an_upload(now=backend.clock()), an_upload(now=backend.clock())
    backend.uploads.create(old, [])
    stored(backend, old)
    stored(backend, orphan)
    backend.clock.advance(DAY + 1)
    young = an_upload(now=backend.clock())
    backend.uploads.create(young, [])
    stored(backend, young)

    dry, wet, again = sweep(dry_run=True), sweep(), sweep()

    assert dry.deleted == wet.deleted == DeletionResult(objects=2, bytes=6)
    assert (wet.expired_uploads, again.deleted) == (1, DeletionResult())
    assert keys(backend) == {young.key}
    assert backend.uploads.get(young.id) == young


def test_what_has_just_been_stored_is_left_alone(backend: AwsBackend, sweep: Sweep) -> None:
    """Its age is told by the time of S3."""
    key = stored(backend, an_upload())

    assert sweep().deleted.objects == 0
    assert key in keys(backend)


@pytest.fixture
def environment(backend: AwsBackend) -> dict[str, str]:
    stack = backend.connection.stack
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TINYPIXO_"))
    }
    return kept | ANY_CREDENTIALS | {
        "AWS_ENDPOINT_URL": backend.connection.s3.meta.endpoint_url,
        "TINYPIXO_BUCKET": stack.bucket_name,
        "TINYPIXO_TABLE": backend.table.name,
        "TINYPIXO_JANITOR_TOKEN": TOKEN,
        "TINYPIXO_JANITOR_INBOX_URL": stack.janitor_inbox_url,
        "TINYPIXO_SWEEP_GRACE": "0",
    }  # fmt: skip


def command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "services.janitor", *arguments]
    return subprocess.run(
        run, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_prints_what_it_did_and_nothing_else(
    backend: AwsBackend, environment: dict[str, str]
) -> None:
    key = stored(backend, replace(an_upload(), id=new_id("upload")))

    dry, wet = command(environment, "sweep", "--dry-run"), command(environment, "sweep")

    assert (dry.returncode, wet.returncode) == (0, 0), wet.stderr
    assert json.loads(dry.stdout)["dry_run"] is True
    assert json.loads(dry.stdout)["erased_objects"] == json.loads(wet.stdout)["erased_objects"] == 1
    assert key not in keys(backend)
    assert all(TOKEN not in line for line in wet.stderr.splitlines())


def test_the_command_fails_where_something_failed(environment: dict[str, str]) -> None:
    result = command(environment | {"TINYPIXO_BUCKET": "there-is-no-such-bucket"}, "sweep")

    assert result.returncode == 1
    assert {failed["id"] for failed in json.loads(result.stdout)["failed"]} >= {
        "uploads/",
        "outputs/",
    }


def test_the_command_names_the_setting_that_is_missing(environment: dict[str, str]) -> None:
    del environment["TINYPIXO_JANITOR_TOKEN"]
    result = command(environment, "sweep")

    assert (result.returncode, result.stdout) == (2, "")
    assert "TINYPIXO_JANITOR_TOKEN is not set" in result.stderr
