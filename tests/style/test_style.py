"""Hold the code to its rules of style, as CONTRIBUTING.md has them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.style import measures
from tests.style.measures import Found, Source, begins_with_verb, python, sources


@dataclass(frozen=True)
class Rule:
    """Hold a rule: what is measured, and the most that may be found."""

    name: str
    measure: Callable[[], Found]
    most: float
    in_percent: bool = False


def of_product() -> list[Source]:
    """Return the Python files of the product."""
    return python(production=True)


def of_tests() -> list[Source]:
    """Return the Python files of the tests."""
    return python(production=False)


def all_files(*, production: bool) -> list[Source]:
    """Return the files of all languages, of the product or of its tests."""
    return [source for source in sources() if source.is_production is production]


# The most that may be found: nothing, or 2 % where a rule has exceptions that read better. One file
# of tests is longer: the table of attacks on the sandbox, which has to be a single program.
RULES = [
    Rule(
        "class names of the product that two classes share",
        lambda: measures.shared_class_names(of_product()),
        0,
    ),
    Rule(
        "adapters in another file than their port's name",
        lambda: measures.strayed_adapters(of_product()),
        0,
    ),
    Rule(
        "docstrings of the product that begin with no verb",
        lambda: measures.docstrings_without_verb(of_product()),
        2,
        True,
    ),
    Rule(
        "docstrings of tests that begin with no verb",
        lambda: measures.docstrings_without_verb(of_tests()),
        2,
        True,
    ),
    Rule(
        "docstrings whose first line is too long or no sentence",
        lambda: measures.long_summaries(of_product()),
        2,
        True,
    ),
    Rule(
        "lines of the product over 100 columns",
        lambda: measures.long_lines(all_files(production=True)),
        0,
    ),
    Rule(
        "lines of tests over 100 columns",
        lambda: measures.long_lines(all_files(production=False)),
        0,
    ),
    Rule(
        "files of the product over 300 lines",
        lambda: measures.long_files(all_files(production=True)),
        0,
    ),
    Rule(
        "files of tests over 300 lines", lambda: measures.long_files(all_files(production=False)), 1
    ),
    Rule(
        "names of tests over 70 characters", lambda: measures.long_test_names(of_tests()), 2, True
    ),
    Rule("noise of tests without a seed", lambda: measures.unseeded_noise(of_tests()), 0),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_code_keeps_the_rule(rule: Rule, figures: list[str]) -> None:
    found = rule.measure()
    measured = found.percent if rule.in_percent else found.count
    limit = f"at most {rule.most:g}{' %' if rule.in_percent else ''}"
    share = f" = {found.percent:.1f} %" if rule.in_percent else ""
    figures.append(f"{rule.name}: {found.count} of {found.total}{share} ({limit})")

    assert found.total > 10, "the files were not found"
    assert measured <= rule.most, "\n".join([f"{rule.name}: {limit}", *found.places])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Return the text.", True),
        ("Returns the text.", True),
        ("Carries requests on.", True),
        ("Refreshes what is stored.", True),
        ("Has a size.", True),
        ("Report progress to the table.", True),
        ("The text.", False),
        ("Whether it is a text.", False),
        ("Report of a sweep.", False),
        ("Limits, each with its reason.", False),
        ("Limits the size.", True),
        ("Reports of all sweeps.", False),
        ("File names from strangers.", False),
        ("Check that it is there.", True),
        ("Create, sign and complete uploads.", True),
        ("Sign, validate and store parts.", True),
        ("Use cases of the service.", False),
        ("Record who connects.", True),
        ("Settings of a service.", False),
        ("`start` is a number.", False),
        ("return the text", False),
        ("Presigned URLs for parts.", False),
        ("An upload.", False),
    ],
)
def test_a_verb_is_told_from_a_noun(text: str, *, expected: bool) -> None:
    assert begins_with_verb(text) is expected
