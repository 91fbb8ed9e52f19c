"""The settings of each service as a matrix for tests: derived from the classes, so that a new one is tested too."""

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
"""What a service starts with, whichever it is."""

ANYTHING_GOES = {"HOST", "FFMPEG"}
"""Variables with which no text is wrong."""


def required() -> list[tuple[str, str]]:
    """(service, variable) of every setting that has no default."""
    return [
        (service, variables_of(name, field)[0])
        for service, kind in KINDS.items()
        for name, field in kind.model_fields.items()
        if field.is_required()
    ]


def wrong() -> list[tuple[str, str, str]]:
    """(service, variable, a value that is wrong for it) of every setting that can be wrong."""
    return [
        (service, variable, wrong_value(field))
        for service, kind in KINDS.items()
        for name, field in kind.model_fields.items()
        if (variable := variables_of(name, field)[0]) not in ANYTHING_GOES
    ]


def wrong_value(field: FieldInfo) -> str:
    """Too short for a secret or a name; of the wrong kind for all else."""
    is_text = field.annotation not in (int, float, bool) and get_origin(field.annotation) is not Literal
    return "x" if is_text and str not in get_args(field.annotation) else "nonsense of a value"


def start(service: str, environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`python -m services.<service>` with nothing but this environment, ended after 20 s at the latest."""
    kept = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", "PORT": "1"}
    command = [sys.executable, "-m", f"services.{service}", *arguments]
    return subprocess.run(command, env=kept | environment, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
