"""Test that docs/faults.md names existing tests for every fault.

Each fault also needs a protection that `make test-protections` takes out.
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

TESTS_OF = {
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
    assert TESTS_OF.keys() >= REQUIRED
    assert list(TESTS_OF) == sorted(TESTS_OF)


@pytest.mark.parametrize("fault", TESTS_OF)
def test_the_tests_of_a_fault_exist(fault: int) -> None:
    assert TESTS_OF[fault], "no test is named"
    assert [test for test in TESTS_OF[fault] if not exists(test)] == []


@pytest.mark.parametrize("fault", REQUIRED)
def test_each_fault_names_the_tests_of_its_protections(fault: int) -> None:
    tests = {protection.test for protection in load() if protection.fault == fault}
    assert tests
    assert tests <= set(TESTS_OF[fault])


@pytest.mark.parametrize("protection", load(), ids=lambda each: f"{each.fault}: {each.removes}")
def test_a_protection_is_in_the_code_once(protection: Protection) -> None:
    """Otherwise `make test-protections` could not take it out."""
    text = (ROOT / protection.file).read_text("utf-8")
    assert text.count(protection.before) == 1
    assert protection.before != protection.after
