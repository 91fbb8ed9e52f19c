"""Check that no service takes text for a number, or a number for a boolean, in any request body."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from litestar.testing import TestClient

from tests.api.seeds import OPEN_UPLOAD, UPLOADED, Seeds
from tests.api.services import SERVICES, token_for

PATH_PARAMETERS = {"upload_id": OPEN_UPLOAD, "conversion_id": "cnv_none", "number": "1"}
REQUIRED = {
    "filename": "a.wav",
    "size": 5,
    "format": "mp3",
    "upload_id": UPLOADED,
    "part_numbers": [1],
}
"""Values of the members that a body must have."""

WRONG: dict[str, tuple[object, ...]] = {
    "integer": ("5", "5.0", True, 5.5),
    "number": ("5", "1e1", True),
    "boolean": (1, 0, "true", "0"),
}
Place = tuple[str, dict[str, Any], str, dict[str, Any]]
"""The path of an operation, a body that it takes, the name of a member, and the member's schema."""


def client_of(service: str) -> TestClient[Any]:
    client = TestClient(cast(Any, SERVICES[service](Seeds())))
    client.headers["Authorization"] = f"Bearer {token_for(service)}"
    return client


def numbers_of(document: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield each member of a request body that is a number or a boolean, with its type."""
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        body = operations.get("post", {}).get("requestBody", {}).get("content", {})
        for schema in alternatives(body.get("application/json", {}).get("schema", {}), schemas):
            taken = {name: REQUIRED[name] for name in schema.get("required", ())}
            for name, member in schema.get("properties", {}).items():
                for kind in kinds(member):
                    yield (path.format(**PATH_PARAMETERS), taken, name, member), kind


def alternatives(schema: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas that one may stand for."""
    if "$ref" in schema:
        return [schemas[schema["$ref"].rpartition("/")[2]]]
    return [each for inner in schema.get("oneOf", ()) for each in alternatives(inner, schemas)]


def kinds(member: dict[str, Any]) -> set[str]:
    """Return those of the types in WRONG that a member takes, alone or in a list."""
    schemas = [member, member.get("items", {}), *member.get("oneOf", ())]
    return {kind for kind in WRONG if any(schema.get("type") == kind for schema in schemas)}


@pytest.mark.parametrize(
    ("service", "count"), [("upload", 3), ("conversion", 11), ("progress", 0), ("janitor", 1)]
)
def test_no_body_takes_another_type_for_a_number_or_a_boolean(service: str, count: int) -> None:
    with client_of(service) as client:
        document = client.get(f"/api/{service}/schema/openapi.json").json()
        places = list(numbers_of(document))

        for (path, taken, name, member), kind in places:
            for wrong in WRONG[kind]:
                value = [wrong] if member.get("type") == "array" else wrong
                answer = client.post(path, json={**taken, name: value})

                assert answer.status_code == 422, (path, name, wrong, answer.text)
                assert answer.json()["code"] == "validation_failed"
                [error] = answer.json()["errors"]
                assert error["field"].startswith(name)
                assert error["message"].startswith("Expected `"), error

    assert len(places) == count


@pytest.mark.parametrize("wrong", [{"channels": "2"}, {"quality": True}, {"keep_delay": 1}])
def test_a_conversion_within_an_upload_is_as_strict(wrong: dict[str, object]) -> None:
    with client_of("upload") as client:
        body = {"filename": "a.wav", "size": 5, "convert": [{"format": "mp3", **wrong}]}
        answer = client.post("/api/uploads", json=body)

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"] == f"convert[0].{next(iter(wrong))}"


def test_an_integer_may_be_written_with_a_fraction_of_zero() -> None:
    """JSON Schema knows one kind of number: 5.0 is an integer."""
    with client_of("upload") as client:
        convert = {"format": "mp3", "channels": 2.0, "start": 1}
        body = {"filename": "a.wav", "size": 5.0, "convert": convert}
        created = client.post("/api/uploads", json=body)

        assert created.status_code == 201, created.text
        assert created.json()["size"] == 5
        signed = client.post(
            f"{created.headers['Location']}/parts/sign", json={"part_numbers": [1.0]}
        )
        assert signed.status_code == 200
