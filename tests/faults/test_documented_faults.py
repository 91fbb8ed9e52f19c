"""Test that docs/faults.md names tests for every fault, and that those tests exist.

And that each fault has a protection that `make test-protections` takes out.
"""

import ast
import re
from functools import cache

import pytest

from deploy.local.processes import ROOT
from tests.faults.protections import Protection, load

REQUIRED = {*range(1, 57)}
"""Every fault of the document. Others may be added at any time."""

SECTION = re.compile(r"^## (\d+)\. .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
TESTS = re.compile(r"^- `(.*)`$", re.MULTILINE)

TABLE = {
    int(section[1]): TESTS.findall(section[0])
    for section in SECTION.finditer((ROOT / "docs" / "faults.md").read_text("utf-8"))
}


@cache
def names_in(path: str) -> set[str]:
    """Return the names that pytest finds in a file: defined there, or imported by name."""
    names: set[str] = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return names


def exists(test: str) -> bool:
    path, _, name = test.partition("::")
    return (ROOT / path).is_file() and name.startswith("test_") and name in names_in(path)


def test_every_fault_has_a_section() -> None:
    assert TABLE.keys() >= REQUIRED
    assert list(TABLE) == sorted(TABLE)


@pytest.mark.parametrize("row", TABLE)
def test_the_tests_of_a_fault_exist(row: int) -> None:
    assert TABLE[row], "no test is named"
    assert [test for test in TABLE[row] if not exists(test)] == []


@pytest.mark.parametrize("row", REQUIRED)
def test_each_row_has_a_protection_whose_test_it_names(row: int) -> None:
    tests = {protection.test for protection in load() if protection.row == row}
    assert tests
    assert tests <= set(TABLE[row])


@pytest.mark.parametrize("protection", load(), ids=lambda each: f"{each.row}: {each.removes}")
def test_a_protection_is_in_the_code_once(protection: Protection) -> None:
    """Otherwise `make test-protections` could not take it out."""
    text = (ROOT / protection.file).read_text("utf-8")
    assert text.count(protection.before) == 1
    assert protection.before != protection.after
