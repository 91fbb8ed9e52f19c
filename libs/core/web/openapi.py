"""Describe the responses of routes in OpenAPI documents."""

from collections import defaultdict
from dataclasses import dataclass

from litestar._openapi.schema_generation import SchemaCreator
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.typing import FieldDefinition

from libs.core import errors
from libs.core.errors import CoreError
from libs.core.web.problems import HTTP_CODES, PROBLEM_JSON, status_of
from libs.core.web.schemas import ProblemSchema

Responses = dict[int, ResponseSpec]

OF_EVERY_ROUTE = (400, 422, 500)
"""Unreadable requests, parameters that do not fit, and faults of ours."""
OF_CHANGES = (403, 415)
"""Requests of other sites, and bodies of another media type."""
OF_BODIES = (408, 413)
OF_SESSIONS = (errors.SessionInvalid, errors.StorageUnavailable, errors.RateLimited)


def problems(
    *kinds: type[CoreError], changes: bool = False, has_body: bool = False, session: bool = True
) -> Responses:
    """Describe the errors that a route answers with, each with its codes.

    Args:
        kinds: The errors of the domain that the route raises.
        changes: True for a route that changes something.
        has_body: True for a route that reads a request body.
        session: True for a route that belongs to a session and reads stored state.
    """
    codes: dict[int, set[str]] = defaultdict(set)
    for status in (
        *OF_EVERY_ROUTE,
        *(OF_CHANGES if changes else ()),
        *(OF_BODIES if has_body else ()),
    ):
        codes[status].add(HTTP_CODES[status])
    of_sessions = OF_SESSIONS if session else ()
    for kind in (*kinds, *of_sessions):
        status = status_of(kind)
        assert status is not None, f"{kind.__name__} has no status"
        codes[status].add(kind.code)
    return {status: problem_response(*sorted(codes[status])) for status in sorted(codes)}


def problem_response(*codes: str) -> ResponseSpec:
    """Describe a problem document with one of these codes."""
    named = ", ".join(f"`{code}`" for code in codes)
    return ResponseSpec(
        ProblemSchema,
        generate_examples=False,
        description=f"Code: {named}",
        media_type=PROBLEM_JSON,
    )


def no_content(description: str) -> ResponseSpec:
    """Describe a response without a body."""
    return ResponseSpec(None, generate_examples=False, description=description)


class StrictRequests(StructSchemaPlugin):
    """Say in the OpenAPI document which structs refuse unknown members."""

    def to_openapi_schema(
        self, field_definition: FieldDefinition, schema_creator: SchemaCreator
    ) -> Schema:
        """Return the schema of a struct."""
        schema = super().to_openapi_schema(field_definition, schema_creator)
        if field_definition.annotation.__struct_config__.forbid_unknown_fields:
            schema.additional_properties = False
        return schema


@dataclass
class OptionalBodyOperation(Operation):
    """Describe a request that may have no body."""

    def __post_init__(self) -> None:
        assert isinstance(self.request_body, RequestBody), "the handler takes no body"
        self.request_body.required = False


@dataclass
class BinaryBodyOperation(Operation):
    """Describe a request whose body is the bytes themselves."""

    def __post_init__(self) -> None:
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.request_body = RequestBody(
            content={"application/octet-stream": OpenAPIMediaType(schema=binary)}, required=True
        )
