"""Test the OpenAPI document from which the types of the page are generated."""

import pytest

from deploy.openapi import merge_into, merged_document, public_apps


def test_the_document_has_the_routes_of_all_public_services() -> None:
    paths = merged_document(public_apps())["paths"]

    assert {"/api/uploads", "/api/conversions", "/api/formats", "/api/progress/events"} <= set(
        paths
    )
    assert all(path.startswith("/api/") for path in paths)


def test_two_services_may_describe_a_schema_only_in_the_same_way() -> None:
    schemas = {"Problem": {"type": "object"}}
    merge_into(schemas, {"Problem": {"type": "object"}})

    with pytest.raises(ValueError, match="Problem"):
        merge_into(schemas, {"Problem": {"type": "string"}})
