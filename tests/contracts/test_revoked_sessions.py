"""Test RevokedSessions, sentence by sentence."""

from libs.core.adapters.aws.dynamodb.decoding import decode_item
from libs.core.ports.revoked_sessions import PROPAGATION_SECONDS
from tests.contracts.aws import AwsBackend
from tests.contracts.backend import Backend


def test_a_session_is_not_revoked_at_first(backend: Backend, owner: str) -> None:
    assert not backend.revoked.is_revoked(owner)


def test_a_revoked_session_stays_revoked_until_its_last_token_expires(
    backend: Backend, owner: str
) -> None:
    assert not backend.revoked.is_revoked(owner)

    backend.revoked.revoke(owner, int(backend.clock()) + 100)

    assert backend.revoked.is_revoked(owner)
    assert not backend.revoked.is_revoked(f"{owner} else")
    backend.clock.advance(99)
    assert backend.revoked.is_revoked(owner)
    backend.clock.advance(2)
    assert not backend.revoked.is_revoked(owner)


def test_revoking_again_changes_nothing(backend: Backend, owner: str) -> None:
    for _ in range(2):
        backend.revoked.revoke(owner, int(backend.clock()) + 100)

    assert backend.revoked.is_revoked(owner)


def test_another_process_sees_a_revocation_soon(aws_backend: AwsBackend, owner: str) -> None:
    here, there = aws_backend.revoked, aws_backend.another_revoked()
    assert not there.is_revoked(owner)

    here.revoke(owner, int(aws_backend.clock()) + 100)

    aws_backend.clock.advance(PROPAGATION_SECONDS)
    assert there.is_revoked(owner)


def test_the_answer_is_repeated_without_a_read(aws_backend: AwsBackend, owner: str) -> None:
    here, there = aws_backend.revoked, aws_backend.another_revoked()
    assert not there.is_revoked(owner)
    here.revoke(owner, int(aws_backend.clock()) + 100)

    aws_backend.clock.advance(PROPAGATION_SECONDS - 1)

    assert not there.is_revoked(owner)


def test_a_revocation_is_no_item_of_a_session(aws_backend: AwsBackend, owner: str) -> None:
    aws_backend.revoked.revoke(owner, int(aws_backend.clock()) + 100)

    items = aws_backend.connection.dynamodb.scan(TableName=aws_backend.table.name)["Items"]

    revocations = [item for item in items if str(item["pk"]).startswith("rev_")]
    assert revocations
    assert all(owner not in str(item) for item in revocations)
    assert all(decode_item(item) is None for item in revocations)
