"""`docs/faults.md` names a test for every fault of the conversion engine, and those tests exist."""

import ast
import re
from functools import cache

import pytest

from deploy.local.stack import ROOT

ROWS = [*range(18, 38), 52]
LINE = re.compile(r"^\| (\d+) \|.*$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")

TABLE = {int(found[1]): TEST.findall(found[0]) for found in LINE.finditer((ROOT / "docs" / "faults.md").read_text())}


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


def test_it_has_every_row() -> None:
    assert sorted(TABLE) == ROWS


@pytest.mark.parametrize("row", ROWS)
def test_its_tests_exist(row: int) -> None:
    assert TABLE.get(row), "no test is named"
    assert [f"{path}::{name}" for path, name in TABLE[row] if not (ROOT / path).is_file() or name not in names_in(path)] == []
