"""Print the trace of a conversion as a tree with times, from its creation to its download.

`python -m deploy.local.trace ID` reads the logs of `make run`, and those of the containers of `make
run-localstack` if some run; with `-`, lines from standard input. Services write spans if
TINYPIXO_LOG_SPANS is true.
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from deploy.local.containers import Containers, project_name
from deploy.local.logs import previous


@dataclass(frozen=True)
class LoggedSpan:
    """Hold a span as a service logged it."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    began: float
    seconds: float
    attributes: str


def read_spans(lines: Iterable[str]) -> Iterator[LoggedSpan]:
    """Yield the spans among log lines. A line may have a prefix, as Compose writes one."""
    for line in lines:
        begin = line.find("{")
        if begin < 0 or '"span"' not in line:
            continue
        try:
            found: dict[str, Any] = json.loads(line[begin:])
        except ValueError:
            continue
        if found.get("event") == "span":
            yield LoggedSpan(
                found["trace_id"],
                found["span_id"],
                found["parent_id"],
                found["service"],
                found["name"],
                found["began"],
                found["took_seconds"],
                " ".join(f"{key}={value}" for key, value in found["attributes"].items()),
            )


def traces_of(item_id: str, spans: Iterable[LoggedSpan]) -> list[LoggedSpan]:
    """Return all spans of the traces that mention an item, by time."""
    found = list(spans)
    wanted = {each.trace_id for each in found if item_id in f"{each.name} {each.attributes}"}
    return sorted((each for each in found if each.trace_id in wanted), key=lambda each: each.began)


def render(spans: Sequence[LoggedSpan]) -> list[str]:
    """Return the lines of the tree. Times are seconds since the first span began."""
    known = {each.span_id for each in spans}
    children: defaultdict[str | None, list[LoggedSpan]] = defaultdict(list)
    for each in spans:
        # The parent of a client's trace is not among our spans.
        children[each.parent_id if each.parent_id in known else None].append(each)
    begin = spans[0].began if spans else 0.0
    lines: list[str] = []

    def add(parent: str | None, depth: int) -> None:
        for each in children[parent]:
            at, took = each.began - begin, each.seconds * 1000
            label = f"{'  ' * depth}{each.service}: {each.name}"
            lines.append(f"{at:9.3f} s {took:10.1f} ms  {label}  {each.attributes}".rstrip())
            add(each.span_id, depth + 1)

    add(None, 0)
    return lines


def log_lines(folder: Path) -> Iterator[str]:
    """Yield the lines of all logs of `make run`, also of those that were moved away."""
    for path in sorted(folder.glob("*.log")):
        for each in (previous(path), path):
            if each.exists():
                with each.open(encoding="utf-8", errors="replace") as file:
                    yield from file


def _lines(source: str | None, project: str) -> Iterable[str]:
    if source == "-":
        return sys.stdin
    if source:
        return log_lines(Path(source))
    home = Path(os.environ.get("TINYPIXO_HOME", ".tinypixo"))
    return chain(log_lines(home / "logs"), Containers(project).log_lines())


def main(arguments: Sequence[str]) -> int:
    """Print the tree, and return 1 if no span mentions the item."""
    parser = argparse.ArgumentParser(description="Print the trace of a conversion or an upload.")
    parser.add_argument("id")
    parser.add_argument("source", nargs="?", help="`-` for standard input, or a folder of logs")
    parser.add_argument("--project", default=project_name(), help="NAME of the containers")
    options = parser.parse_args(arguments)
    spans = traces_of(options.id, read_spans(_lines(options.source, options.project)))
    if not spans:
        print(f"No span mentions {options.id}.", file=sys.stderr)
        return 1
    began = datetime.fromtimestamp(spans[0].began, UTC)
    print(f"{options.id} from {began:%Y-%m-%d %H:%M:%S} UTC")
    print("\n".join(render(spans)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
