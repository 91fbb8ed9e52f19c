"""Collect what the matrix tests find, as tables of `docs/formats.md`.

`TINYPIXO_WRITE_DOCS=1 pytest` with the path of a matrix test writes its table again.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[3] / "docs" / "formats.md"
WRITE = os.environ.get("TINYPIXO_WRITE_DOCS") == "1"


@dataclass
class Table:
    """Hold one table: a row per input, a column per output format."""

    heading: str
    rows: Iterable[str]
    columns: Iterable[str]
    cells: dict[tuple[str, str], str] = field(default_factory=dict)

    def note(self, row: str, column: str, text: str) -> None:
        """Note what was found for one pair."""
        self.cells[row, column] = text

    def check(self) -> None:
        """Fail if the document has another table, see `check_section`."""
        rows, columns = list(self.rows), list(self.columns)
        if len(self.cells) < len(rows) * len(columns):
            pytest.skip("only a part of the matrix was run")
        lines = [f"| from \\ to | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
        for row in rows:
            cells = " | ".join(self.cells[row, column] for column in columns)
            lines.append(f"| **{row}** | {cells} |")
        check_section(self.heading, lines)


def check_section(heading: str, lines: Sequence[str]) -> None:
    """Fail if a section of the document has another table; write it if that is requested."""
    table = "\n".join(lines) + "\n"
    document = DOCUMENT.read_text()
    section = re.compile(
        rf"(^## {re.escape(heading)}\n\n(?:[^|#\n].*\n|\n)*)((?:\|.*\n)*)", re.MULTILINE
    )
    found = section.search(document)
    assert found, f"docs/formats.md has no section {heading}"
    if WRITE:
        DOCUMENT.write_text(document[: found.start(2)] + table + document[found.end(2) :])
    else:
        assert found[2] == table, f"{heading} is out of date in docs/formats.md"
