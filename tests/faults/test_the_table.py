"""`docs/faults.md` names a test for every fault of the conversion engine, and those tests exist."""

import ast
import re
from functools import cache

import pytest

from deploy.local.stack import ROOT

ROWS = [*range(18, 38), 52]
LINE = re.compile(r"^\| (\d+) \|.*$", re.MULTILINE)
TESTS = re.compile(r"`([^`]*)`")

# The last cell of a row: whatever stands between its backquotes has to be a test, a mangled name too.
TABLE = {int(found[1]): TESTS.findall(found[0].split(" | ")[-1]) for found in LINE.finditer((ROOT / "docs" / "faults.md").read_text())}


@cache
def names_in(path: str) -> set[str]:
    """Those that pytest finds there: written in the file, or imported by name."""
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


def test_it_has_every_row() -> None:
    assert sorted(TABLE) == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_its_tests_exist(row: int) -> None:
    assert TABLE.get(row), "no test is named"
    assert [test for test in TABLE[row] if not exists(test)] == []
