"""Test the pace of a sweep: thousands of expired items with objects (faults 42 and 44).

TINYPIXO_EXPIRED sets their number (`make test-sweep`: 5,000).
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest

from deploy.local.network import free_port
from deploy.local.processes import ROOT
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import REGION, EmulatorTarget
from libs.core.adapters.aws.dynamodb.encoding import encode_conversion, encode_upload
from libs.core.domain.conversions import output_key
from libs.core.domain.progress import Item
from libs.core.domain.uploads import Upload, UploadStatus
from tests.fakes import a_conversion, an_upload
from tests.fault_injection import eventually
from tests.faults.conftest import SETTINGS
from tests.faults.failing_sweep import AHEAD

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

EXPIRED = int(os.environ.get("TINYPIXO_EXPIRED", "600"))
"""Items: half of them uploads, half conversions, each with one object."""

FULL, SECONDS = 5000, 120
"""A full sweep is timed, by `make test-sweep` on a quiet machine; a small one is not."""

LIVE = 200
UNDELETABLE = 50 * EXPIRED // 5000 or 5
MEMORY = 250 * 1024 * 1024
"""Bytes of resident memory. An idle janitor has about 110 MB, most of it botocore."""


class Contents:
    """Write items and objects into the table and the bucket, and read what is left."""

    def __init__(self, stack: EmbeddedStack) -> None:
        assert isinstance(stack.target, EmulatorTarget)
        assert stack.outputs
        self.bucket = stack.outputs.bucket_name
        target = stack.target
        self.s3 = target.client("s3")
        session: Any = boto3.Session(*target.emulator.credentials, region_name=REGION)
        dynamodb = session.resource("dynamodb", endpoint_url=target.emulator.endpoint_url)
        self._table = dynamodb.Table(stack.outputs.table_name)

    def add(self, number: int, expires_at: int) -> tuple[list[str], list[str]]:
        """Add this many items, each with one object; return their ids and keys."""
        uploads = [an_uploaded(expires_at) for _ in range(number // 2)]
        conversions = [a_conversion(upload) for upload in uploads]
        keys = [upload.key for upload in uploads]
        keys += [output_key(conversion.id, 1, "mp3") for conversion in conversions]
        with self._table.batch_writer() as batch:
            for upload in uploads:
                batch.put_item(encode_upload(upload))
            for conversion in conversions:
                batch.put_item(encode_conversion(conversion))
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._put, keys))
        items: list[Item] = [*uploads, *conversions]
        return [item.id for item in items], keys

    def ids(self) -> set[str]:
        """Return the ids of all uploads and conversions. The table has leases and quotas, too."""
        found: set[str] = set()
        request: dict[str, Any] = {"ProjectionExpression": "pk"}
        while True:
            page = self._table.scan(**request)
            found.update(i["pk"] for i in page["Items"] if i["pk"].startswith(("upl_", "cnv_")))
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def keys(self) -> set[str]:
        """Return the keys of all objects."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {found["Key"] for page in pages for found in page.get("Contents", [])}

    def _put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"abc")


def an_uploaded(expires_at: int) -> Upload:
    return replace(an_upload(expires_at=expires_at), status=UploadStatus.UPLOADED)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Start a stack whose janitor only handles messages; its sweeps are this test's own."""
    home = tmp_path_factory.mktemp("sweep")
    with EmbeddedStack(home, free_port(), settings=SETTINGS) as running:
        yield running


def sweep(stack: EmbeddedStack, refused: list[str]) -> dict[str, Any]:
    """Sweep in a process of its own, with an S3 that does not delete the refused keys."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.failing_sweep"],
        cwd=ROOT,
        env={**stack.environment_of("janitor"), "TINYPIXO_SWEEP_LIMIT": "600"},
        input="\n".join(refused),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_thousands_of_expired_items_are_swept_in_one_run(stack: EmbeddedStack) -> None:
    contents = Contents(stack)
    now = int(time.time())
    live_ids, live_keys = contents.add(LIVE, now + 2 * AHEAD)
    _, expired_keys = contents.add(EXPIRED, now + AHEAD - 10)
    refused = random.Random(1).sample(expired_keys, UNDELETABLE)

    began = time.monotonic()
    result = sweep(stack, refused)
    took = time.monotonic() - began

    print(f"{EXPIRED} expired items in {took:.1f} s: {result}")
    assert EXPIRED < FULL or took < SECONDS
    assert (result["expired_uploads"], result["expired_conversions"]) == (
        EXPIRED // 2,
        EXPIRED - EXPIRED // 2,
    )
    # The janitor of the stack may have deleted some of the refused ones by then.
    assert 0 < len(result["failed"]) <= UNDELETABLE
    assert result["complete"]
    # A child begins with the memory of the process that forked it: of this one in a whole run.
    assert EXPIRED < FULL or result["max_rss"] < MEMORY
    assert contents.ids() == set(live_ids)
    assert contents.keys() >= set(live_keys)
    # The REMOVE records of the items bring the deletion of what the sweep could not delete.
    eventually(lambda: contents.keys() == set(live_keys), 300)
