"""Write the schemas of the public API as OpenAPI: `python -m deploy.openapi FILE`.

Each service describes its own schemas. The types of the page are generated from one document, so
they are merged here. Routes are left out: the page builds its URLs itself, and each service serves
its complete document.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from litestar import Litestar

from services.conversion import app as conversion
from services.conversion.container import ConversionContainer
from services.conversion.settings import ConversionSettings
from services.progress import app as progress
from services.progress.container import ProgressContainer
from services.progress.settings import ProgressSettings
from services.upload import app as upload
from services.upload.container import UploadContainer
from services.upload.settings import UploadSettings

Json = dict[str, Any]

# The apps only describe themselves here. They never connect to AWS.
REQUIRED_SETTINGS: Json = {
    "bucket": "unused",
    "table": "unused",
    "session_secret": "unused" * 8,
    "AWS_REGION": "eu-central-1",
}


def public_apps() -> list[Litestar]:
    """Return the apps that the gateway makes public. The janitor is not among them."""
    conversion_settings = ConversionSettings(
        **REQUIRED_SETTINGS, conversion_inbox_url="https://unused"
    )
    return [
        upload.create_app(UploadContainer(settings=UploadSettings(**REQUIRED_SETTINGS))),
        conversion.create_app(ConversionContainer(settings=conversion_settings)),
        progress.create_app(ProgressContainer(settings=ProgressSettings(**REQUIRED_SETTINGS))),
    ]


def merged_schemas(apps: Iterable[Litestar]) -> Json:
    """Return the schemas of several apps by name.

    Raises:
        ValueError: Two apps describe a schema differently.
    """
    merged: Json = {}
    for app in apps:
        merge_into(merged, app.openapi_schema.to_schema()["components"]["schemas"])
    return merged


def merge_into(target: Json, source: Json) -> None:
    for name, schema in source.items():
        if target.setdefault(name, schema) != schema:
            raise ValueError(f"two services describe {name} differently")


def without_docstring(schema: Json) -> Json:
    """Return the schema without the docstring of its enum, which is written for programmers."""
    return {key: value for key, value in schema.items() if key != "description"}


def document_text() -> str:
    """Return the merged document as text that is the same for the same schemas."""
    schemas = {
        name: without_docstring(schema) if "enum" in schema else schema
        for name, schema in merged_schemas(public_apps()).items()
    }
    document = {
        "openapi": "3.1.0",
        "info": {"title": "TinyPixo", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas},
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document_text(), "utf-8")
