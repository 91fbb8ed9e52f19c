"""Test that only tokens of ours are read, whatever a token looks like."""

import base64
import hashlib
import json
import os
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from litestar.middleware.session.client_side import ClientSideSessionBackend, CookieBackendConfig

from libs.core.web.session_tokens import LIFETIME, SessionTokens
from tests.fakes import FakeClock

SECRET = "a secret of the tests, long enough"
AAD = b"additional_authenticated_data="


def sealed(content: bytes, expiry: bytes, secret: str = SECRET) -> str:
    """Return a token of any content, encrypted correctly."""
    nonce = os.urandom(12)
    cipher = AESGCM(hashlib.sha256(secret.encode()).digest())
    return base64.b64encode(nonce + cipher.encrypt(nonce, content, expiry) + AAD + expiry).decode()


def in_time(**more: object) -> bytes:
    return json.dumps({"expires_at": 9_999_999_999, **more}).encode()


def test_an_issued_token_names_its_session() -> None:
    token = SessionTokens(SECRET).read(SessionTokens(SECRET).issue("anna"))

    assert token is not None
    assert token.session_id == "anna"


def test_a_token_of_an_earlier_version_is_still_read() -> None:
    config = CookieBackendConfig(secret=hashlib.sha256(SECRET.encode()).digest(), max_age=3600)
    (issued,) = ClientSideSessionBackend(config).dump_data({"sid": "anna"})

    token = SessionTokens(SECRET).read(issued.decode())

    assert token is not None
    assert token.session_id == "anna"


def test_a_token_expires(clock: FakeClock) -> None:
    tokens = SessionTokens(SECRET, clock)
    issued = tokens.issue("anna")

    clock.advance(LIFETIME - 1)
    assert tokens.read(issued) is not None
    clock.advance(2)
    assert tokens.read(issued) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "null",
        "é",
        "a" * 5000,
        "Zm9yZ2Vk",
        base64.b64encode(b"").decode(),
        base64.b64encode(AAD).decode(),
        base64.b64encode(AAD + b"{}").decode(),
        base64.b64encode(b"n" * 12 + AAD + in_time()).decode(),
        base64.b64encode(b"n" * 40 + AAD + b"not json").decode(),
        base64.b64encode(b"n" * 40 + AAD + b"[" * 5000).decode(),
        base64.b64encode(b"n" * 40 + AAD + b'{"expires_at": "soon"}').decode(),
        base64.b64encode(b"n" * 40 + AAD + b"{}").decode(),
        sealed(b'{"sid": "anna"}', in_time(), secret="another secret of the tests, long enough"),
        sealed(b"not json", in_time()),
        sealed(b"[]", in_time()),
        sealed(b"{}", in_time()),
        sealed(b'{"sid": ""}', in_time()),
        sealed(b'{"sid": "anna"}', b"not json"),
        sealed(b'{"sid": "anna"}', b'{"expires_at": null}'),
        sealed(b'{"sid": "anna"}', b'{"expires_at": 1e999}'),
        sealed(b"[" * 500, in_time()),
        sealed(b"\xff", in_time()),
    ],
)
def test_a_malformed_token_is_not_read(token: str) -> None:
    assert SessionTokens(SECRET).read(token) is None


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_no_bytes_make_reading_fail(front: bytes, back: bytes) -> None:
    tokens = SessionTokens(SECRET)

    assert tokens.read(base64.b64encode(front + AAD + back).decode()) is None
    assert tokens.read(front.decode("latin-1")) is None


@given(st.integers(0, 150), st.integers(1, 255))
def test_a_token_with_one_changed_byte_is_refused(position: int, change: int) -> None:
    tokens = SessionTokens(SECRET)
    raw = bytearray(base64.b64decode(tokens.issue("anna")))
    raw[position % len(raw)] ^= change

    assert tokens.read(base64.b64encode(raw).decode()) is None


def test_a_new_secret_encrypts_while_tokens_of_the_old_one_are_still_read() -> None:
    old, new = "the old secret of the tests, long", "the new secret of the tests, long"
    before, during = SessionTokens(old), SessionTokens(new, accepted=[old])

    assert during.read(before.issue("anna")) is not None
    assert SessionTokens(new).read(during.issue("anna")) is not None
    assert before.read(during.issue("anna")) is None


def test_a_new_secret_without_the_old_one_ends_all_sessions() -> None:
    issued = SessionTokens("the old secret of the tests, long").issue("anna")

    assert SessionTokens("the new secret of the tests, long").read(issued) is None


def test_a_rotation_in_two_steps_logs_nobody_out() -> None:
    old, new = "the old secret of the tests, long", "the new secret of the tests, long"
    steps = [
        SessionTokens(old),
        SessionTokens(old, accepted=[new]),
        SessionTokens(new, accepted=[old]),
    ]

    # While a step is rolled out, tasks of this step and of the one before answer side by side.
    for one, other in pairwise(steps):
        assert one.read(other.issue("anna")) is not None
        assert other.read(one.issue("anna")) is not None


def test_the_digest_of_an_address_is_the_same_in_all_services_with_the_secret() -> None:
    digest = SessionTokens(SECRET).hide_address("192.0.2.1")

    assert digest == SessionTokens(SECRET, accepted=["another"]).hide_address("192.0.2.1")
    assert digest != SessionTokens(SECRET).hide_address("192.0.2.2")


def test_the_digest_of_an_address_is_unknown_without_the_secret() -> None:
    digest = SessionTokens(SECRET).hide_address("192.0.2.1")

    assert digest != SessionTokens("another secret of the tests, long enough").hide_address(
        "192.0.2.1"
    )
