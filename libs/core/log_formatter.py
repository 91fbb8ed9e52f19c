"""Format log records so that none is lost."""

import logging
from typing import Any

import structlog


class RecordFormatter(structlog.stdlib.ProcessorFormatter):
    """Format records of structlog and of libraries.

    A record that cannot be formatted becomes a line that says what is known of it, and is redacted
    as all others. The standard library would print it to standard error, with its secrets.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without its values if they cannot be formatted."""
        try:
            return super().format(record)
        except Exception as error:
            event = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
            known = {
                "name": record.name,
                "levelno": record.levelno,
                "levelname": record.levelname,
                "msg": f"log.values_lost: {shown(event)} ({type(error).__name__})",
            }
            return super().format(logging.makeLogRecord(known))


def shown(value: Any) -> str:
    """Return text as it is, and the repr of anything else, or its type if it has no repr."""
    if isinstance(value, str):
        return value
    try:
        return repr(value)
    except Exception:
        return f"[{type(value).__name__} without a repr]"
