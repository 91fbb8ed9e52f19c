"""Measure names, docstrings, lines and file sizes of the repository's own source files.

A docstring is what Python calls one: the first statement of a module, a class or a function. All of
them count, also those of modules, dataclasses and enums. Texts below a constant or a field describe
a value; they are no docstrings and do not count.

A docstring begins with a verb if its first word is in `verbs.txt`, in the base form ("Return") or
in the third person ("Returns"). A word in `nouns_too.txt` is a noun as well: the next word tells
them apart ("Report the end", "Report of a sweep"; "Limits the size", "Limits for parts"). A verb
that is missing in the list is not forbidden: add it. A noun is.
"""

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCTION = ("libs/", "services/", "deploy/", "frontend/src/")
GENERATED = frozenset({"frontend/src/api/types.ts"})
SUFFIXES = (".py", ".ts", ".tsx", ".css", ".mjs")
COLUMNS = 100
LINES = 300
SUMMARY = 88
NAME = 70
NOISE = re.compile(r"anoisesrc=(?!\S*seed=)")
"""A source of noise whose arguments have no seed."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
HERE = Path(__file__).parent
VERBS = frozenset((HERE / "verbs.txt").read_text("utf-8").split())
NOUNS_TOO = frozenset((HERE / "nouns_too.txt").read_text("utf-8").split())
AFTER_A_NOUN = frozenset(
    {"beside", "of", "whose"}
    | {"case", "cases", "picture", "pictures"}  # use cases, cover pictures
)
BEFORE_AN_OBJECT = frozenset(
    {
        "a",
        "all",
        "an",
        "any",
        "each",
        "every",
        "it",
        "its",
        "one",
        "that",
        "the",
        "them",
        "this",
        "what",
    }
)


@dataclass(frozen=True)
class Found:
    """Hold a measurement: the matching places, and how many were checked."""

    places: Sequence[str]
    total: int = 0

    @property
    def count(self) -> int:
        return len(self.places)

    @property
    def percent(self) -> float:
        return 100 * self.count / self.total if self.total else 0.0


@dataclass
class Source:
    """Hold one source file; `path` is relative to the repository."""

    path: str
    text: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.text.splitlines()

    @property
    def is_production(self) -> bool:
        return self.path.startswith(PRODUCTION)

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")


@cache
def sources() -> tuple[Source, ...]:
    """Return the written source files that git tracks, or would if they were added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    # A file that was deleted but is still in the index is listed, too.
    return tuple(
        Source(path, (ROOT / path).read_text("utf-8"))
        for path in sorted(set(listed))
        if path.endswith(SUFFIXES) and path not in GENERATED and (ROOT / path).is_file()
    )


@cache
def tree(path: str) -> ast.Module:
    """Parse a Python file once."""
    return ast.parse((ROOT / path).read_text("utf-8"))


def python(*, production: bool) -> list[Source]:
    """Return the Python files of the product, or those of its tests."""
    return [
        source for source in sources() if source.is_python and source.is_production is production
    ]


def classes(sources: Sequence[Source]) -> Iterator[tuple[Source, ast.ClassDef]]:
    """Yield every class, also those within classes and functions."""
    for source in sources:
        for node in ast.walk(tree(source.path)):
            if isinstance(node, ast.ClassDef):
                yield source, node


def shared_class_names(sources: Sequence[Source]) -> Found:
    """Find names that more than one class has."""
    places = defaultdict(list)
    for source, node in classes(sources):
        places[node.name].append(f"{source.path}:{node.lineno}")
    shared = [
        f"{name}: {', '.join(where)}" for name, where in sorted(places.items()) if len(where) > 1
    ]
    return Found(shared, len(places))


def strayed_adapters(sources: Sequence[Source]) -> Found:
    """Find adapters whose file has another name than the file of their port."""
    ports = {
        node.name: source.path
        for source, node in classes([s for s in sources if s.path.startswith("libs/core/ports/")])
        if any(ast.unparse(base) in ("ABC", "Protocol") for base in node.bases)
    }
    adapters = [
        s
        for s in sources
        if s.path.startswith(("libs/core/adapters/aws/", "libs/core/adapters/memory/"))
    ]
    strayed, total = [], 0
    for source, node in classes(adapters):
        for base in (ast.unparse(base).rpartition(".")[2] for base in node.bases):
            if base in ports:
                total += 1
                if Path(ports[base]).stem != Path(source.path).stem:
                    strayed.append(f"{source.path}: {node.name} implements {base} of {ports[base]}")
    return Found(strayed, total)


def docstrings(sources: Sequence[Source]) -> Iterator[tuple[str, str]]:
    """Yield place and text of every docstring, but those of tests: they state what is true."""
    for source in sources:
        for node in ast.walk(tree(source.path)):
            if (
                isinstance(node, Documented)
                and not is_test(node)
                and (text := ast.get_docstring(node))
            ):
                line = 1 if isinstance(node, ast.Module) else node.lineno
                yield f"{source.path}:{line}", text


def is_test(node: Documented) -> bool:
    """Return True if pytest would run this function."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
        "test_"
    )


def begins_with_verb(text: str) -> bool:
    """Return True if the first word is a verb, and not a noun of the same spelling."""
    first, following, third = [*text.split()[:3], "", ""][:3]
    if not re.fullmatch("[A-Z][a-z]+,?", first):
        return False
    word, following = first.lower(), following.lower()
    if word.endswith(","):  # of several verbs: "Create, show and delete uploads."
        word = word.removesuffix(",")
        return word in VERBS and (word not in NOUNS_TOO or following.rstrip(",") in VERBS)
    if word in VERBS:
        if following in ("and", "or"):  # "Open and read a file."
            return word not in NOUNS_TOO or third.lower() in VERBS
        return word not in NOUNS_TOO or following not in AFTER_A_NOUN
    verbs = VERBS & {word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word)}
    return word == "has" or any(
        verb not in NOUNS_TOO or following in BEFORE_AN_OBJECT for verb in verbs
    )


def docstrings_without_verb(sources: Sequence[Source]) -> Found:
    """Find docstrings that begin with anything but a verb."""
    every = list(docstrings(sources))
    return Found(
        [f"{place}: {text.splitlines()[0]}" for place, text in every if not begins_with_verb(text)],
        len(every),
    )


def long_summaries(sources: Sequence[Source]) -> Found:
    """Find docstrings whose first line is too long, or does not end with a period."""
    every = list(docstrings(sources))
    summaries = ((place, text.splitlines()[0]) for place, text in every)
    return Found(
        [
            f"{place}: {line}"
            for place, line in summaries
            if len(line) > SUMMARY or not line.endswith(".")
        ],
        len(every),
    )


def long_lines(sources: Sequence[Source]) -> Found:
    """Find lines of more than 100 columns."""
    places = [
        f"{source.path}:{number}: {len(line)} columns"
        for source in sources
        for number, line in enumerate(source.lines, 1)
        if len(line) > COLUMNS
    ]
    return Found(places, sum(len(source.lines) for source in sources))


def long_files(sources: Sequence[Source]) -> Found:
    """Find files of more than 300 lines."""
    places = [
        f"{source.path}: {len(source.lines)} lines"
        for source in sources
        if len(source.lines) > LINES
    ]
    return Found(places, len(sources))


def long_test_names(sources: Sequence[Source]) -> Found:
    """Find tests whose name, without `test_`, has more than 70 characters."""
    tests = [
        (source, node.lineno, node.name.removeprefix("test_"))
        for source in sources
        for node in ast.walk(tree(source.path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_test(node)
    ]
    long = [f"{source.path}:{line}: {name}" for source, line, name in tests if len(name) > NAME]
    return Found(long, len(tests))


def unseeded_noise(sources: Sequence[Source]) -> Found:
    """Find noise of FFmpeg that differs in each run."""
    places = [
        f"{source.path}:{number}"
        for source in sources
        for number, line in enumerate(source.lines, 1)
        if NOISE.search(line)
    ]
    return Found(places, sum(len(source.lines) for source in sources))
