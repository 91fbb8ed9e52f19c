"""Answer every error of the domain with a status and a problem document."""

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.exceptions import HTTPException
from litestar.testing import TestClient

from libs.core.errors import CoreError, FileTooLarge, title_of
from libs.core.web.problems import HANDLERS, HTTP_CODES, STATUS, status_of

ROOT = Path(__file__).parents[2]
API_DOCUMENT = (ROOT / "docs" / "api.md").read_text("utf-8")


def subclasses_of(kind: type[CoreError]) -> Iterator[type[CoreError]]:
    """Yield the error classes of the product, however deep; not those of tests."""
    for found in kind.__subclasses__():
        if found.__module__.startswith(("libs.", "services.")):
            yield found
        yield from subclasses_of(found)


ERRORS = sorted(subclasses_of(CoreError), key=lambda kind: kind.__name__)


def raised(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, body and headers of the answer to a handler that raises this error."""

    @get("/", sync_to_thread=False)
    def fail() -> None:
        raise error

    app = Litestar([fail], exception_handlers=HANDLERS, openapi_config=None, logging_config=None)
    with TestClient(app) as client:
        response = client.get("/")
    return response.status_code, response.json(), dict(response.headers)


def test_every_error_is_in_one_module() -> None:
    """The other tests would miss an error in another module."""
    names = {"CoreError", *(kind.__name__ for kind in ERRORS)}
    found = {
        str(path.relative_to(ROOT))
        for folder in ("libs", "services")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        and names & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    }

    assert found == {"libs/core/errors.py"}


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_a_status(kind: type[CoreError]) -> None:
    assert kind in STATUS, f"give {kind.__name__} a status in libs/core/web/problems.py"
    assert 400 <= HTTPStatus(STATUS[kind]) < 600
    assert status_of(kind) == STATUS[kind]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_a_code_of_its_own_a_title_and_a_docstring(kind: type[CoreError]) -> None:
    assert [other for other in ERRORS if other.code == kind.code] == [kind]
    assert kind.title
    assert kind.__doc__


@pytest.mark.parametrize("kind", ERRORS)
def test_every_code_is_in_the_document_of_the_api(kind: type[CoreError]) -> None:
    assert f"`{kind.code}`" in API_DOCUMENT, f"add {kind.code} to the errors in docs/api.md"


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_answered_as_a_problem_document(kind: type[CoreError]) -> None:
    status, body, headers = raised(kind("Please try again.", retry_after=3))

    assert headers["content-type"] == "application/problem+json"
    assert headers["retry-after"] == "3"
    assert status == STATUS[kind]
    assert body == {
        "type": f"/problems/{kind.code}",
        "title": kind.title,
        "status": status,
        "detail": "Please try again.",
        "code": kind.code,
        "retry_after": 3,
    }


@pytest.mark.parametrize("status", HTTP_CODES)
def test_a_code_has_one_title_whoever_finds_the_error(status: int) -> None:
    """RFC 9457, 3.1.3: all problems of a type have the same title."""
    _, body, _ = raised(HTTPException(status_code=status, detail="No."))

    same = [kind.title for kind in ERRORS if kind.code == body["code"]]
    assert body["title"] == title_of(body["code"])
    assert same in ([], [body["title"]])


def test_an_error_without_a_status_is_an_internal_error() -> None:
    class Unplaced(CoreError):
        code = "unplaced"
        title = "Unplaced"

    status, body, _ = raised(Unplaced("The key is s3cr3t."))

    assert (status, body["code"]) == (500, "internal")
    assert "s3cr3t" not in str(body)


def test_an_error_has_the_status_of_its_base_class() -> None:
    class Smaller(FileTooLarge):
        pass

    status, body, _ = raised(Smaller("Too large."))

    assert (status, body["code"]) == (413, "file_too_large")
