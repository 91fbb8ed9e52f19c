"""Hold the documents to what is there: routes, settings, links, decisions."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from litestar import Controller
from litestar.handlers import HTTPRouteHandler

from tests.style.measures import ROOT

API = re.sub("{[^}]*}", "{}", (ROOT / "docs" / "api.md").read_text("utf-8"))
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "deploy" / "README.md",
    ROOT / "frontend" / "README.md",
]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:libs|services|tests|docs|deploy|frontend)/[\w./-]+)(?:::\w+)?`")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def calls() -> Iterator[str]:
    """Yield method and path of every route of the services, with `{}` for each parameter."""
    for path in sorted((ROOT / "services").rglob("routes.py")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for value in vars(module).values():
            if isinstance(value, HTTPRouteHandler):
                yield from calls_of(value)
            elif (
                isinstance(value, type)
                and issubclass(value, Controller)
                and value is not Controller
            ):
                for handler in vars(value).values():
                    if isinstance(handler, HTTPRouteHandler):
                        yield from calls_of(handler, str(vars(value)["path"]))
    # Made by functions that need a secret.
    yield "POST /api/session"
    yield "POST /sweep"


def calls_of(handler: HTTPRouteHandler, prefix: str = "") -> Iterator[str]:
    """Yield the calls that one handler answers."""
    for method in sorted(handler.http_methods - {"OPTIONS"}):
        for path in handler.paths:
            yield f"{method} " + re.sub("{[^}]*}", "{}", f"{prefix}{path}".rstrip("/"))


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_the_routes_were_found() -> None:
    assert len(set(calls())) >= 20


@pytest.mark.parametrize("call", sorted(set(calls())))
def test_every_route_is_in_the_document_of_the_api(call: str) -> None:
    assert re.search(rf"`{re.escape(call)}[`?]", API), f"add {call} to docs/api.md"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_there(document: Path) -> None:
    for link in LINK.findall(document.read_text("utf-8")):
        path, _, fragment = link.partition("#")
        if "://" in link:
            continue
        target = document.parent / path if path else document
        assert target.exists() or document.name == "template.md", link
        if fragment:
            assert fragment in map(anchor, HEADING.findall(target.read_text("utf-8"))), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_in_a_document_exists(document: Path) -> None:
    for path in PATH.findall(document.read_text("utf-8")):
        assert (ROOT / path).exists() or (document.parent / path).exists(), path


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name)
def test_every_decision_has_a_date_a_status_and_a_row_in_the_index(decision: Path) -> None:
    text = decision.read_text("utf-8")
    index = (decision.parent / "README.md").read_text("utf-8")
    number = int(decision.name[:4])
    title = re.search(rf"\A# {number}\. (.+)\n", text)
    date = re.search(r"^- \*\*Date:\*\* (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
    status = re.search(r"^- \*\*Status:\*\* (.+)$", text, re.MULTILINE)

    assert title
    assert date
    assert status
    assert f"| [{number}]({decision.name}) | {title[1]} | {status[1]} | {date[1]} |" in index
