"""Run Schemathesis against a service."""

import os
import subprocess
import sys
from pathlib import Path

from tests.api.services import serve, token_for

ROOT = Path(__file__).parents[2]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "missing_required_header",
)
"""Checks of the documents. A document cannot say which part has which length, and the seeds come
back after they were deleted: checks of what is accepted, and of resources, are left out."""


def run_schemathesis(
    service: str, folder: Path, *options: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Start a service, send it what its OpenAPI document allows and forbids, and stop it.

    Args:
        service: The name of the service.
        folder: Where Schemathesis may write files.
        options: Further options of `st run`.
        timeout: Seconds after which the run is ended.
    """
    with serve(service) as url:
        return subprocess.run(
            [
                Path(sys.executable).with_name("st"),
                "run",
                f"{url}/api/{service}/schema/openapi.json",
                f"--checks={','.join(CHECKS)}",
                f"--header=Authorization: Bearer {token_for(service)}",
                "--request-timeout=10",
                "--continue-on-failure",
                *options,
            ],
            cwd=folder,
            env=os.environ
            | {"SCHEMATHESIS_HOOKS": "tests.api.hooks", "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
