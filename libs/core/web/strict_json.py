"""Convert parsed JSON to declared types without guessing: text is never taken for a number."""

from typing import Any

from msgspec import convert

MAX_EXACT_INTEGER = 2**53
"""Above it, a JSON number with a fraction part of 0 may have been another integer."""


def convert_strictly(value: Any, kind: Any) -> Any:
    """Return parsed JSON as a value of a type.

    Text and booleans are not numbers, and numbers are not booleans. 5.0 is an integer, as JSON
    Schema defines it (https://json-schema.org/understanding-json-schema/reference/numeric#integer).

    Raises:
        RecursionError: The value is nested too deep.
        ValidationError: The value does not fit the type.
    """
    return convert(_with_integers(value), kind)


def _with_integers(value: Any) -> Any:
    """Return the value with integers in place of floats that have no fraction."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT_INTEGER:
        return int(value)
    if isinstance(value, dict):
        return {key: _with_integers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_integers(member) for member in value]
    return value
