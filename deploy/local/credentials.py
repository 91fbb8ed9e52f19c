"""Keep the secrets of the embedded stack: its AWS credentials, and those of its services."""

import json
import secrets
from pathlib import Path
from typing import NamedTuple


class Credentials(NamedTuple):
    """Hold the AWS credentials that an emulator accepts."""

    access_key_id: str = "test"
    secret_access_key: str = "test"


class StackSecrets(NamedTuple):
    """Hold the secrets of one stack."""

    session_secret: str
    janitor_token: str
    aws_secret_access_key: str


def load_secrets(path: Path) -> StackSecrets:
    """Return the secrets in a file, and create those that are missing.

    They are kept, so that sessions and presigned URLs survive a restart of the stack.
    """
    kept = json.loads(path.read_text()) if path.exists() else {}
    made = {
        "session_secret": secrets.token_hex(32),
        "janitor_token": secrets.token_hex(16),
        "aws_secret_access_key": secrets.token_hex(20),
    }
    found = {name: kept.get(name, made[name]) for name in StackSecrets._fields}
    if found != kept:
        temporary = path.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(found))
        temporary.replace(path)
    return StackSecrets(**found)
