"""Test the OpenAPI document of the conversion service."""

from litestar.testing import TestClient

from services.conversion.app import create_app
from tests.conversion.application import a_container


def test_the_openapi_document_has_every_route() -> None:
    with TestClient(create_app(a_container(slots=0))) as client:
        paths = client.get("/api/conversion/schema/openapi.json").json()["paths"]

    assert paths.keys() >= {
        "/api/formats",
        "/api/conversions",
        "/api/conversions/{conversion_id}",
        "/api/conversions/{conversion_id}/download",
        "/api/conversions/{conversion_id}/cancel",
    }
