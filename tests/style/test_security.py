"""Test that docs/security.md names tests for every requirement, and that those tests exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ROW = re.compile(r"^\*\*([\d., to]+)\*\* .*?(?=^\*\*\d|^#|\Z)", re.MULTILINE | re.DOTALL)
TESTS = re.compile(r"^- `(.*)`$", re.MULTILINE)

ROWS = {
    row[1]: TESTS.findall(row[0])
    for row in ROW.finditer((ROOT / "docs" / "security.md").read_text("utf-8"))
}


@cache
def names_in(path: str) -> set[str]:
    """Return the names of the functions that a file defines."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return (ROOT / path).is_file() and name.startswith("test_") and name in names_in(path)


def test_the_document_has_requirements_of_all_chapters() -> None:
    chapters = {int(number.partition(".")[0]) for number in ROWS}

    assert chapters >= {1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16}


def test_files_whose_base_images_have_no_digest_are_named() -> None:
    """The document once said that all images are named by digest."""
    text = (ROOT / "docs" / "security.md").read_text("utf-8")
    row = next(row[0] for row in ROW.finditer(text) if row[1] == "15.1.2")
    files = [ROOT / "deploy" / name for name in ("Dockerfile", "page.Dockerfile")]
    by_tag = [
        path.relative_to(ROOT)
        for path in files
        if re.search(r"^FROM \S+:(?!\S*@sha256:)", path.read_text("utf-8"), re.MULTILINE)
    ]

    assert [path for path in by_tag if f"`{path}`" not in row.partition("by tag")[0]] == []


@pytest.mark.parametrize("requirement", ROWS)
def test_the_tests_of_a_requirement_exist(requirement: str) -> None:
    assert ROWS[requirement], "no test is named"
    assert [test for test in ROWS[requirement] if not exists(test)] == []
