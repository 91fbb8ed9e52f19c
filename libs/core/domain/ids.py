"""Create and recognise ids: a prefix for the kind, and 128 bits in URL-safe base64."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Literal

Kind = Literal["upload", "conversion"]

_PREFIX: dict[Kind, str] = {"upload": "upl_", "conversion": "cnv_"}
_ID = re.compile(r"(upl|cnv)_[A-Za-z0-9_-]{22}")


def new_id(kind: Kind) -> str:
    """Return a new id, drawn from the system's secure random source."""
    return _PREFIX[kind] + secrets.token_urlsafe(16)


def derived_id(kind: Kind, *parts: str) -> str:
    """Return the id derived from these parts by SHA-256.

    Equal parts give equal ids, so a repeated request finds the item of the first one.
    """
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()[:16]
    return _PREFIX[kind] + urlsafe_b64encode(digest).decode().rstrip("=")


def kind_of(item_id: str) -> Kind | None:
    """Return the kind of a well-formed id, None for any other string."""
    if not _ID.fullmatch(item_id):
        return None
    return "upload" if item_id.startswith("upl_") else "conversion"
