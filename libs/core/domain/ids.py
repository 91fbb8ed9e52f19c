"""Identifiers: a kind and 128 random bits, URL-safe, so that an id can be neither guessed nor mistaken for another kind."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Literal

Kind = Literal["upload", "conversion"]

_PREFIX: dict[Kind, str] = {"upload": "upl_", "conversion": "cnv_"}
_SHAPE = re.compile(r"(upl|cnv)_[A-Za-z0-9_-]{22}")


def new_id(kind: Kind) -> str:
    """A fresh id with 128 bits from the system's random source."""
    return _PREFIX[kind] + secrets.token_urlsafe(16)


def derived_id(kind: Kind, *parts: str) -> str:
    """The id that belongs to these parts: equal parts give equal ids, which is what makes a repeated request harmless."""
    digest = hashlib.sha256("\x00".join(parts).encode()).digest()[:16]
    return _PREFIX[kind] + urlsafe_b64encode(digest).decode().rstrip("=")


def kind_of(item_id: str) -> Kind | None:
    """The kind of a well-formed id; None for anything else, however hostile."""
    if not _SHAPE.fullmatch(item_id):
        return None
    return "upload" if item_id.startswith("upl_") else "conversion"
