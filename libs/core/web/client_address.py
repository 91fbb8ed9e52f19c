"""Find the address of the client that sent a request."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network

from litestar.datastructures import Headers
from litestar.types import Scope

IPV6_PREFIX = 64
"""Bits of an IPv6 address that stand for one client: a network gets all addresses below them."""

UNKNOWN = "unknown"


def client_address(scope: Scope, trusted_proxies: int) -> str:
    """Return the client's IPv4 address, or its IPv6 network.

    Each proxy appends to `X-Forwarded-For` the address that it was called from. Entries before
    those of our own proxies come from the client, who can write there what it likes.

    Args:
        scope: The request's ASGI scope.
        trusted_proxies: The number of our proxies in front of the service.
    """
    peer = scope["client"][0] if scope["client"] else UNKNOWN
    hops = [
        hop.strip()
        for header in Headers.from_scope(scope).getall("x-forwarded-for", [])
        for hop in header.rsplit(",", trusted_proxies)
    ]
    # A request that bypassed our proxies has fewer entries than there are proxies.
    ours = hops[-trusted_proxies:] if trusted_proxies else []
    client = _normalise(ours[0]) if ours else None
    return client or _normalise(peer) or peer


def _normalise(text: str) -> str | None:
    """Return an address without its port, an IPv6 one as its network; None for other text."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        pass
    try:
        address = IPv6Address(host.partition("%")[0])
    except AddressValueError:
        return None
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))
