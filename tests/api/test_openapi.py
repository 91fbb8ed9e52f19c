"""Check that services answer as their OpenAPI documents say."""

from pathlib import Path

import pytest

from tests.api.schema_run import run_schemathesis
from tests.api.services import SERVICES

SEED = 20261126
EXAMPLES = 10
"""Made-up requests for each operation, besides those that cover every constraint once."""


@pytest.mark.parametrize("service", SERVICES)
def test_responses_are_those_that_the_document_describes(service: str, tmp_path: Path) -> None:
    run = run_schemathesis(
        service, tmp_path, f"--seed={SEED}", f"--max-examples={EXAMPLES}", timeout=240
    )

    assert run.returncode == 0, run.stdout
    assert "generated" in run.stdout
