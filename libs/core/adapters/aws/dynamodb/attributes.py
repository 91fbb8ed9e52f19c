"""Read the attributes of an item that another version of the service may have written."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

MAX_LOGGED = 1_000
"""Number of items that are remembered as logged."""

_logged: set[str] = set()


class DecodeError(ValueError):
    """Indicate an item that lacks an attribute, or has one of another type."""

    def __init__(self, item_id: str, reason: str) -> None:
        super().__init__(f"{item_id}: {reason}")
        self.item_id = item_id
        self.reason = reason


class ItemAttributes:
    """Read attributes by name and type.

    Unknown attributes are ignored. A missing one, or one of another type, gets its default; without
    a default it raises DecodeError.
    """

    def __init__(self, item: Mapping[str, Any]) -> None:
        self._item = item
        self.id = str(item.get("pk", ""))

    def text(self, name: str, default: str | None = None) -> str:
        """Return a string."""
        value = self._item.get(name, default)
        return value if isinstance(value, str) else self._default(name, default)

    def optional_text(self, name: str) -> str | None:
        """Return a string, or None."""
        value = self._item.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number."""
        value = self.optional_number(name)
        return self._default(name, default) if value is None else value

    def optional_number(self, name: str) -> float | None:
        """Return a number, or None."""
        value = self._item.get(name)
        # A bool is an int in Python, but not in DynamoDB.
        if isinstance(value, bool) or not isinstance(value, Decimal | int):
            return None
        return float(value)

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a number without its fraction."""
        return int(self.number(name, default))

    def integers(self, name: str) -> frozenset[int]:
        """Return a number set; it is empty if missing."""
        value = self._item.get(name)
        return frozenset(map(int, value)) if isinstance(value, set) else frozenset()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the strings of a list; it is empty if missing."""
        value = self._item.get(name)
        return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return a map; it is empty if missing."""
        value = self._item.get(name)
        return value if isinstance(value, dict) else {}

    def record(self, name: str, kind: Callable[..., T], **defaults: Any) -> T | None:
        """Return a dataclass made of a map, None if the map is missing or incomplete."""
        values = self.mapping(name)
        if not values:
            return None
        try:
            return decode_fields(kind, {**defaults, **values})
        except TypeError as error:
            log_once("item.attribute_unreadable", self.id, f"{name}: {error}")
            return None

    def _default(self, name: str, default: T | None) -> T:
        if default is None:
            raise DecodeError(self.id, f"no readable {name}")
        return default


def decode_fields(kind: Callable[..., T], values: Mapping[str, Any]) -> T:
    """Create a dataclass from a map, with decimals as int or float, and ignore unknown names.

    Raises:
        TypeError: a field without default is missing.
    """
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]  # dataclasses only
    return kind(
        **{
            name: _number(value) if isinstance(value, Decimal) else value
            for name, value in values.items()
            if name in known
        }
    )


def log_once(event: str, item_id: str, reason: str) -> None:
    """Log a warning about an item once, because the queue is read every few seconds."""
    key = f"{event} {item_id}"
    if key in _logged:
        return
    if len(_logged) >= MAX_LOGGED:
        _logged.clear()
    _logged.add(key)
    log.warning(event, item=item_id, reason=reason)


def log_unreadable(error: DecodeError) -> None:
    """Log an item that is passed over."""
    log_once("item.unreadable", error.item_id, error.reason)


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
