"""Tell the names of this machine from those of a web page that resolve to it (DNS rebinding).

Such a page is of the same origin as what it asks for, so it could read the files of whoever visits
it. An attacker needs a name for that: an address in `Host` is always that of this machine.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

LOCAL = "localhost"


def names_in(origins: str) -> frozenset[str]:
    """Return the host names of origins, which are separated by commas."""
    return frozenset(_name_of(origin.strip().partition("//")[2]) for origin in origins.split(","))


def is_ours(host: str, names: Iterable[str]) -> bool:
    """Return True if a `Host` is an address, localhost, or one of these names."""
    name = _name_of(host)
    return bool(name) and (name == LOCAL or name in names or _is_address(name))


def _name_of(host: str) -> str:
    """Return the host without its port, or an empty text if it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
