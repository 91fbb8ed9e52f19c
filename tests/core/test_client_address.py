"""Test which address of a request counts as the client's."""

from typing import Any

import pytest

from libs.core.web.client_address import client_address

PEER = "10.0.0.9"


def scope(*forwarded: str, peer: str | None = PEER) -> Any:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"type": "http", "headers": headers, "client": (peer, 1234) if peer else None}


def test_without_proxies_the_header_is_not_read() -> None:
    assert client_address(scope("198.51.100.1"), 0) == PEER


@pytest.mark.parametrize(
    ("proxies", "expected"), [(1, "203.0.113.2"), (2, "198.51.100.1"), (3, "192.0.2.66")]
)
def test_the_last_hops_are_those_of_our_proxies(proxies: int, expected: str) -> None:
    forged = "192.0.2.66, 198.51.100.1"

    assert client_address(scope(f"192.0.2.77, {forged}, 203.0.113.2"), proxies) == expected


def test_headers_that_repeat_are_one_list() -> None:
    assert client_address(scope("192.0.2.1", "198.51.100.1, 203.0.113.2"), 2) == "198.51.100.1"


def test_what_the_client_writes_in_front_changes_nothing() -> None:
    seen = {client_address(scope(f"192.0.2.{n}, 198.51.100.1"), 1) for n in range(9)}

    assert seen == {"198.51.100.1"}


def test_a_request_past_our_proxies_counts_by_what_it_has() -> None:
    assert client_address(scope("198.51.100.1"), 2) == "198.51.100.1"
    assert client_address(scope(), 2) == PEER


@pytest.mark.parametrize(
    "given", ["", "unknown", "1.2.3", "example.com", "x" * 5000, "é", "[", ":"]
)
def test_an_entry_that_is_no_address_counts_as_the_peer(given: str) -> None:
    assert client_address(scope(given), 1) == PEER


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("198.51.100.1:4711", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::6]:443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_addresses_of_one_client_are_one(given: str, expected: str) -> None:
    assert client_address(scope(given), 1) == expected
    assert client_address(scope(peer=given), 0) == expected


def test_a_connection_without_an_address_has_a_name() -> None:
    assert client_address(scope(peer=None), 1) == "unknown"
