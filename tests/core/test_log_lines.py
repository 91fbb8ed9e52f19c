"""Log values of any kind: no call raises, and no line is lost."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from libs.core.telemetry import set_up
from tests.core.logs import Logs

SECRET = "Bearer s3cr3t"


class Unprintable:
    """Stand in for an object of a library that is broken."""

    def __repr__(self) -> str:
        raise ValueError("no repr")


class UnreadableMapping(dict[str, Any]):
    """Stand in for a mapping that changes, or closes, while it is read."""

    def items(self) -> Any:
        raise RuntimeError("closed")


def containing_itself() -> dict[str, Any]:
    found: dict[str, Any] = {}
    found["itself"] = [found, found]
    return found


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


VALUES: dict[str, Any] = {
    "keys in bytes": {b"host": b"example.com", b"\xff": 1},
    "keys of several kinds": {"a": 1, b"b": 2, ("c", 3): 3, None: 4, 5: 5, True: 6, 7.5: 7},
    "nested keys": [{"a": ({b"b": {("c",): {None: 1}}},)}],
    "a key without a repr": {Unprintable(): 1},
    "an object without a repr": Unprintable(),
    "an exception with such an object": ValueError(Unprintable()),
    "a mapping that cannot be read": UnreadableMapping(a=1),
    "a value that contains itself": containing_itself(),
    "a value that is nested deeply": nested(100_000),
    "a number with too many digits": 10**5000,
    "numbers that JSON lacks": [float("nan"), float("inf"), -float("inf")],
    "half of a surrogate pair": "\ud800",
    "a set": {1, "a", None},
}


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Return what the standard library says of records that it cannot format."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    yield stream
    assert stream.getvalue() == ""


@pytest.mark.usefixtures("stderr")
@pytest.mark.parametrize("name", VALUES)
def test_a_line_with_a_value_of_any_kind_is_written(logs: Logs, name: str) -> None:
    structlog.get_logger().info("it.happened", value=VALUES[name], conversion="cnv_1")

    [line] = logs.text.splitlines()
    assert "it.happened" in line
    assert "cnv_1" in line


@pytest.mark.usefixtures("stderr")
@pytest.mark.parametrize("name", VALUES)
def test_an_event_of_any_kind_is_written(logs: Logs, name: str) -> None:
    structlog.get_logger().info(VALUES[name], conversion="cnv_1")

    assert "cnv_1" in logs.text


@pytest.mark.usefixtures("stderr")
@pytest.mark.parametrize("style", ["json"])
@pytest.mark.parametrize("name", VALUES)
def test_each_line_is_strict_json(logs: Logs, name: str) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    structlog.get_logger().info("it.happened", value=VALUES[name])

    line = json.loads(logs.text, parse_constant=refuse)
    assert (line["event"], line["service"]) == ("it.happened", "test")


@pytest.mark.parametrize("style", ["json"])
def test_keys_of_any_kind_are_logged_as_text(logs: Logs) -> None:
    structlog.get_logger().info("it.happened", value={b"host": 1, ("a", 2): {None: 3}})

    assert logs.last["value"] == {"host": 1, "('a', 2)": {"None": 3}}


@pytest.mark.parametrize("key", [(SECRET, 1), SECRET, SECRET.encode()])
def test_a_secret_in_a_key_is_redacted(logs: Logs, key: Any) -> None:
    structlog.get_logger().info("it.happened", value=[{key: 1}])

    assert "[redacted]" in logs.text
    assert "s3cr3t" not in logs.text


def remove_handlers_of_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave only ours: those of pytest format each record in their own way, and raise."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:1])


@pytest.mark.usefixtures("stderr")
def test_a_line_of_a_library_with_wrong_arguments_is_written(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_handlers_of_pytest(monkeypatch)

    logging.getLogger("library").warning("It took %d s and %s", SECRET, Unprintable())

    [line] = logs.text.splitlines()
    assert "It took %d s" in line
    assert "s3cr3t" not in line


@pytest.mark.usefixtures("stderr")
def test_a_value_that_only_the_renderer_fails_on_loses_no_line(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_handlers_of_pytest(monkeypatch)

    structlog.get_logger().info("it.happened", _unredacted=Unprintable())

    assert "it.happened" in logs.text


@pytest.mark.usefixtures("stderr", "logs")
@pytest.mark.parametrize("style", ["text"])
def test_a_console_shows_characters_that_its_encoding_lacks() -> None:
    console = io.BytesIO()
    set_up("test", "debug", "text", io.TextIOWrapper(console, "ascii", write_through=True))

    structlog.get_logger().info("it.happened", filename="\ud800é.wav")

    assert rb"\ud800\xe9.wav" in console.getvalue()
