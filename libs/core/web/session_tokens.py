"""Encrypt session ids into tokens, and decrypt tokens."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LIFETIME = 30 * 24 * 3600
"""Seconds for which a token is valid. Files are deleted far sooner."""

MAX_LENGTH = 1024
"""Maximum length of a token that is read, in characters; ours have about 200."""

_NONCE_BYTES = 12
_SEPARATOR = b"additional_authenticated_data="


@dataclass(frozen=True)
class SessionToken:
    """Hold what a valid token says."""

    session_id: str
    expires_at: int
    is_counted: bool = True
    """What `Session.is_counted` was when the token was issued."""


class SessionTokens:
    """Encrypt new tokens with the secret that services share; read those of several secrets.

    A token is Base64 of a nonce, the encrypted session (its id, and whether it was counted for its
    address), and the time of expiry, which is readable but authenticated. The format is that of
    Litestar's client-side sessions, which issued the tokens of earlier versions.
    """

    def __init__(
        self,
        secret: str,
        clock: Callable[[], float] = time.time,
        accepted: Sequence[str] = (),
    ) -> None:
        """Derive keys from the secrets, texts of at least 32 characters.

        Args:
            secret: Encrypts new tokens.
            clock: Returns epoch seconds.
            accepted: Further secrets. Tokens encrypted with them are read, too, while one secret
                replaces another.
        """
        secrets = (secret, *accepted)
        self._ciphers = [AESGCM(hashlib.sha256(each.encode()).digest()) for each in secrets]
        self._address_key = hashlib.sha256(b"address\0" + secret.encode()).digest()
        self._clock = clock

    def issue(
        self, session_id: str, *, is_counted: bool = True, issued_at: float | None = None
    ) -> str:
        """Return a token that is valid for `LIFETIME` seconds from `issued_at`, by default now."""
        now = self._clock() if issued_at is None else issued_at
        content = {"sid": session_id, **({} if is_counted else {"new": True})}
        expiry = json.dumps({"expires_at": round(now) + LIFETIME}).encode()
        nonce = os.urandom(_NONCE_BYTES)
        encrypted = self._ciphers[0].encrypt(nonce, json.dumps(content).encode(), expiry)
        return base64.b64encode(nonce + encrypted + _SEPARATOR + expiry).decode()

    def hide_address(self, address: str) -> str:
        """Return a keyed digest of an address, the same in all services with this secret.

        There are so few IPv4 addresses that a digest without a key could be reversed by trying all.
        """
        return hashlib.blake2b(address.encode(), key=self._address_key, digest_size=12).hexdigest()

    def read(self, token: str) -> SessionToken | None:
        """Return the content of a token; None if it is malformed, forged or expired.

        Nothing of the token is parsed before it is authenticated.
        """
        try:
            if len(token) > MAX_LENGTH:
                return None
            sealed, separator, expiry = base64.b64decode(token, validate=True).partition(_SEPARATOR)
            if not separator:
                return None
            nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            content = json.loads(self._decrypt(nonce, encrypted, expiry))
            expires_at = int(json.loads(expiry)["expires_at"])
            found = SessionToken(str(content["sid"]), expires_at, not content.get("new"))
        except (InvalidTag, ValueError, LookupError, TypeError, ArithmeticError, RecursionError):
            return None
        return found if found.session_id and found.expires_at > self._clock() else None

    def _decrypt(self, nonce: bytes, encrypted: bytes, expiry: bytes) -> bytes:
        """Return the content, decrypted with the secret that fits. Raises InvalidTag."""
        for cipher in self._ciphers:
            with suppress(InvalidTag):
                return cipher.decrypt(nonce, encrypted, expiry)
        raise InvalidTag
