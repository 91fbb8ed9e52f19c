"""Write the OpenAPI document of the public API: `python -m deploy.openapi FILE`.

Each service describes its own routes. The types of the page are generated from one document, so
the documents of the services are merged here.
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


def merged_document(apps: Iterable[Litestar]) -> Json:
    """Merge the documents of several apps.

    Raises:
        ValueError: Two apps describe a path or a schema differently.
    """
    merged: Json = {
        "openapi": "3.1.0",
        "info": {"title": "TinyPixo", "version": "1"},
        "paths": {},
        "components": {"schemas": {}},
    }
    for app in apps:
        document = app.openapi_schema.to_schema()
        schemas = document.get("components", {}).get("schemas", {})
        merge_into(merged["paths"], document["paths"])
        merge_into(merged["components"]["schemas"], schemas)
    return merged


def merge_into(target: Json, source: Json) -> None:
    for name, value in source.items():
        if target.setdefault(name, value) != value:
            raise ValueError(f"two services describe {name} differently")


def document_text() -> str:
    """Return the merged document as text that is the same for the same routes."""
    document = merged_document(public_apps())
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document_text(), "utf-8")
