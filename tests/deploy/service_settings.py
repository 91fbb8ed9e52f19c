"""Derive test cases from the settings classes of all services."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from libs.core.settings import Settings, variables_of
from services.conversion.settings import ConversionSettings
from services.janitor.settings import JanitorSettings
from services.progress.settings import ProgressSettings
from services.upload.settings import UploadSettings

ROOT = Path(__file__).resolve().parents[2]
KINDS: dict[str, type[Settings]] = {
    "upload": UploadSettings,
    "conversion": ConversionSettings,
    "progress": ProgressSettings,
    "janitor": JanitorSettings,
}
SECRET = "correct-horse-battery-staple-0123456789"
ENOUGH = {
    "TINYPIXO_BUCKET": "tinypixo-files",
    "TINYPIXO_TABLE": "tinypixo",
    "TINYPIXO_SESSION_SECRET": SECRET,
    "TINYPIXO_CONVERSION_INBOX_URL": "http://127.0.0.1:9/000000000000/conversion",
    "TINYPIXO_JANITOR_INBOX_URL": "http://127.0.0.1:9/000000000000/janitor",
    "TINYPIXO_JANITOR_TOKEN": SECRET,
    "AWS_REGION": "eu-central-1",
}
"""The environment variables with which every service starts."""

ANY_TEXT = {"HOST", "FFMPEG"}
"""Variables that accept any text."""


def required() -> list[tuple[str, str]]:
    """Return (service, variable) of every setting that has no default."""
    return [
        (service, variables_of(name, field)[0])
        for service, kind in KINDS.items()
        for name, field in kind.model_fields.items()
        if field.is_required()
    ]


def invalid() -> list[tuple[str, str, str]]:
    """Return (service, variable, invalid value) of every setting that can be invalid."""
    return [
        (service, variable, invalid_value(field))
        for service, kind in KINDS.items()
        for name, field in kind.model_fields.items()
        if (variable := variables_of(name, field)[0]) not in ANY_TEXT
    ]


def invalid_value(field: FieldInfo) -> str:
    """Return a text that is too short, or one of the wrong type."""
    is_text = (
        field.annotation not in (int, float, bool) and get_origin(field.annotation) is not Literal
    )
    return "x" if is_text and str not in get_args(field.annotation) else "nonsense of a value"


def start(
    service: str, environment: dict[str, str], *arguments: str
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m services.<service>` with this environment, for at most 20 s."""
    kept = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", "PORT": "1"}
    command = [sys.executable, "-m", f"services.{service}", *arguments]
    return subprocess.run(
        command,
        env=kept | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
