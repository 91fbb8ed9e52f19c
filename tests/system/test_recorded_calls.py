"""Record the calls of a whole walk, and compare them with what the roles allow."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.credentials import load_secrets
from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from tests.deploy.test_roles import RECORDED
from tests.fault_injection import eventually
from tests.system.client import Client

pytestmark = pytest.mark.stack

RECORDER = Path(__file__).resolve().parents[1] / "deploy" / "recorder"
ROLES = {
    "upload": ["Upload"],
    "conversion": ["Conversion", "Worker"],
    "progress": ["Progress"],
    "janitor": ["Janitor"],
}
ACTIONS = {
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "ListObjectsV2": "s3:ListBucket",
    "DeleteObjects": "s3:DeleteObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
"""IAM actions of operations that have another name."""

PREFIXES = {"dynamodbstreams": "dynamodb"}
PROBES = {"dynamodb:GetItem", "s3:ListBucket", "sqs:GetQueueAttributes"}
"""Actions of readiness checks. One that is refused counts as ready, so they need no permission."""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calls")


@pytest.fixture(scope="module")
def stack(calls: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Run a stack of its own, whose services record their calls."""
    settings = {"PYTHONPATH": str(RECORDER), "CALLS_FOLDER": str(calls)}
    home = tmp_path_factory.mktemp("stack")
    with EmbeddedStack(home, free_port(), settings=settings) as running:
        yield running


def test_services_call_nothing_that_their_roles_do_not_allow(
    stack: EmbeddedStack, calls: Path, wav: bytes
) -> None:
    with Client(stack.url) as client:
        upload = client.upload(wav, "song.wav", [{"format": "mp3"}, {"format": "flac"}])
        for conversion in upload["conversions"]:
            client.follow(conversion)
            client.download(conversion)
        client.http.get("/api/uploads")
        client.http.get("/api/conversions")
        assert client.http.delete(f"/api/uploads/{upload['id']}").status_code == 204
    token = load_secrets(stack.home / "secrets.json").janitor_token
    sweep = f"http://127.0.0.1:{stack.ports['janitor']}/sweep"
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.post(sweep, json={}, headers=headers, timeout=60).json()["complete"]
    eventually(lambda: "s3:DeleteObject" in called(calls, "janitor"))

    for service, roles in ROLES.items():
        allowed = {action for role in roles for action in RECORDED[role]}
        assert called(calls, service).keys() - PROBES <= allowed, service
        assert len(called(calls, service)) > 3, "the recorder records nothing"


def called(calls: Path, service: str) -> Counter[str]:
    """Return how often a service did what needs each action."""
    found: Counter[str] = Counter()
    for line in (calls / service).read_text("utf-8").splitlines():
        kind, operation, members = json.loads(line)
        prefix = PREFIXES.get(kind, kind)
        if operation == "TransactWriteItems":
            found.update(f"{prefix}:{member}Item" for member in members)
        else:
            found[ACTIONS.get(operation, f"{prefix}:{operation}")] += 1
    return found
