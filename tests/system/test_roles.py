"""Test that the services work with the permissions of their roles, and need each of them."""

import json
from collections.abc import Iterator

import httpx
import pytest

from deploy.local.credentials import load_secrets
from deploy.local.network import free_port
from deploy.local.roles import ROLES
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.deploy.test_roles import RECORDED
from tests.fault_injection import eventually
from tests.faults.workers import WorkerProcess
from tests.role_decisions import PROBES, decisions, unexpected_denials
from tests.system.client import Client

pytestmark = pytest.mark.stack

USERS = {"upload", "conversion-api", "worker", "progress", "janitor"}

NOT_IN_THIS_WALK = {
    "upload": {"s3:AbortMultipartUpload"},  # two requests that create one upload at once
    "worker": {
        "s3:DeleteObject",  # an attempt that lost its lease
        "s3:AbortMultipartUpload",  # an attempt that followed a lost one
        "s3:ListMultipartUploadParts",  # likewise
        "sqs:ChangeMessageVisibility",  # a message that could not be handled
        "ecs:GetTaskProtection",  # the emulator has no ECS
        "ecs:UpdateTaskProtection",
    },
    "janitor": {"sqs:ChangeMessageVisibility"},
}
"""Actions whose need tests of `tests/faults` and `tests/upload` show."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Run a stack of its own, with API and worker in two processes, as on AWS."""
    home = tmp_path_factory.mktemp("stack")
    settings = {"TINYPIXO_SLOTS": "0", "TINYPIXO_SWEEP_EVERY": "3"}
    with EmbeddedStack(home, free_port(), settings=settings, enforce_roles=True) as running:
        worker = WorkerProcess(running, "worker")
        yield running
        worker.kill()


def used(stack: EmbeddedStack, user: str) -> set[str]:
    """Return the actions that a user has asked for."""
    return {each.action for each in decisions(stack) if each.user == f"tinypixo-{user}"}


def sweep(stack: EmbeddedStack) -> None:
    token = load_secrets(stack.home / "secrets.json").janitor_token
    url = f"http://127.0.0.1:{stack.ports['janitor']}/sweep"
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.post(url, json={}, headers=headers, timeout=60).json()["complete"]


def walk(stack: EmbeddedStack, wav: bytes) -> None:
    """Upload, convert, follow, download, cancel, list, delete and sweep."""
    with Client(stack.url) as client:
        abandoned = client.create(wav, "abandoned.wav")
        client.send(abandoned, wav, 1)
        assert client.http.delete(f"/api/uploads/{abandoned['id']}").status_code == 204
        upload = client.upload(wav, "song.wav", [{"format": "mp3"}, {"format": "wav"}])
        for conversion in upload["conversions"]:
            client.follow(conversion)
            client.download(conversion)
        more = client.convert(upload["id"], format="flac")
        assert client.http.delete(f"/api/conversions/{more['id']}").status_code == 204
        next(client.events("/api/progress/events"))
        client.http.get("/api/uploads")
        client.http.get("/api/conversions")
        assert client.http.delete(f"/api/uploads/{upload['id']}").status_code == 204
    sweep(stack)


def test_services_need_what_their_roles_allow(stack: EmbeddedStack, wav: bytes) -> None:
    walk(stack, wav)

    eventually(lambda: {"s3:DeleteObject", "dynamodb:UpdateItem"} <= used(stack, "janitor"))
    for user in USERS:
        (role,) = ROLES[user]
        allowed = RECORDED[role.capitalize()].keys()
        # Nothing depends on the readiness checks: one that is refused counts as ready.
        needed = allowed - PROBES - NOT_IN_THIS_WALK.get(user, set())
        assert needed <= used(stack, user) - PROBES <= allowed, user
    assert unexpected_denials(stack) == []


def test_a_permission_that_is_taken_away_is_missed(stack: EmbeddedStack, short: bytes) -> None:
    assert isinstance(stack.target, EmulatorTarget)
    iam = stack.target.client("iam")
    policy = {"UserName": "tinypixo-upload", "PolicyName": "uploads"}
    allowed = iam.get_user_policy(**policy)["PolicyDocument"]
    less = json.loads(json.dumps(allowed).replace("s3:PutObject", "s3:GetObjectAcl"))
    body = {"filename": "song.wav", "size": len(short)}

    with Client(stack.url) as client:
        upload = client.create(short, "song.wav")
        signing = {"part_numbers": [1]}
        signed = client.http.post(f"/api/uploads/{upload['id']}/parts/sign", json=signing).json()
        iam.put_user_policy(**policy, PolicyDocument=json.dumps(less))

        # A presigned URL has the permissions of the role that signed it.
        assert httpx.put(signed["parts"][0]["url"], content=short).status_code == 403
        assert client.http.post("/api/uploads", json=body).is_error
        assert {each.action for each in unexpected_denials(stack)} == {"s3:PutObject"}

        iam.put_user_policy(**policy, PolicyDocument=json.dumps(allowed))
        client.send(upload, short)
