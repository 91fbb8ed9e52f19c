"""Test the OpenAPI document from which the types of the page are generated."""

from pathlib import Path

import pytest

from deploy.openapi import document_text, merge_into, merged_schemas, public_apps

DOCUMENT = Path(__file__).parents[2] / "frontend" / "openapi.json"


def test_the_document_has_the_schemas_of_all_public_services() -> None:
    schemas = merged_schemas(public_apps())

    assert {"Upload", "Conversion", "Format", "Progress", "Problem"} <= set(schemas)
    assert "Sweep" not in " ".join(schemas), "the janitor is not public"


def test_two_services_may_describe_a_schema_only_in_the_same_way() -> None:
    schemas = {"Problem": {"type": "object"}}
    merge_into(schemas, {"Problem": {"type": "object"}})

    with pytest.raises(ValueError, match="Problem"):
        merge_into(schemas, {"Problem": {"type": "string"}})


def test_the_document_of_the_page_is_up_to_date() -> None:
    assert DOCUMENT.read_text("utf-8") == document_text(), "run `make api-types`"
