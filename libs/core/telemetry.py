"""Set up logs and traces.

Logs are lines of JSON, or of text for a console, with the ids of the request and the item. `redact`
keeps secrets out of them, also out of lines that libraries log: it replaces every token after the
word "Bearer", and the values of the names in `_SECRETS_UP_TO_LINE_END` and
`_SECRETS_UP_TO_PUNCTUATION`. These two lists of names differ in where a value ends.

Traces are OpenTelemetry's. The attribute `trace` of an item holds the W3C traceparent of the
request that created the item.
"""

import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from opentelemetry.metrics import get_meter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from libs.core.exporters import set_up_exporters
from libs.core.log_formatter import RecordFormatter, shown

MAX_FROM_CLIENT = 200
"""Characters of a path, or of a method, that are logged. Our own paths have fewer than 100."""

MAX_NUMBER = 1e300
"""Numbers beyond it are logged as text: JSON has no infinity, and few readers take larger ones."""

_OWN_MEMBERS = ("_record", "_from_structlog", "_aws")
"""Members of an event that `redact` leaves as they are. structlog removes the first two before the
line is written, and `metrics.py` makes the third."""

_REDACTED = "[redacted]"
_SECRETS_UP_TO_LINE_END = r"authorization|(?:set-)?cookie"
"""Names of secrets whose values may have spaces and punctuation. A value ends with its line or, if
it begins with a quote, at the next such quote that has no backslash before it."""
_SECRETS_UP_TO_PUNCTUATION = (
    r"x-amz-(?:signature|credential|security-token)|signature|credential|awsaccesskeyid"
    r"|(?:aws_?)?(?:secret_?access_?key|session_?token)|receipt_?handle|token"
    r"|(?:__host-)?session(?:-\d+)?"
    r"|(?:tinypixo_)?(?:session_secret|origin_secret|janitor_token)(?:_accepted)?|x-origin-secret"
)
"""Names of all other secrets. A value that begins with `[`, `(` or `{` ends with its line. Any
other value ends at a space, a quote or one of `&;,}<`. The cookie is named `__Host-session` behind
TLS, and earlier versions cut it into `session-0` and so on."""
# What is between name and value in query strings, JSON, XML, headers, Python dicts and ASGI
# headers, up to the quote that begins the value. In JSON within JSON, or the repr of a repr,
# one or more backslashes are before each quote.
_SEPARATOR = r"(?:\\*[\"']?\s*[=:>]\s*|\\*[\"']\s*,\s*)b?\\*[\"']?"
_PATTERN_UP_TO_LINE_END = re.compile(
    rf"(?i)\b((?:{_SECRETS_UP_TO_LINE_END}){_SEPARATOR})"
    r"(?:(?<=\")(?:\\+.|[^\"\\\r\n])+|(?<=')(?:\\+.|[^'\\\r\n])+|(?<![\"'])[^\r\n]+)"
)
_PATTERN_UP_TO_PUNCTUATION = re.compile(
    rf"(?i)(?<![a-z])((?:{_SECRETS_UP_TO_PUNCTUATION}){_SEPARATOR})"
    r"(?:[\[({][^\r\n]*|[^&;\s\"',}<]+)"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]+")
_NAME_OF_SECRET = re.compile(rf"(?i)(?:{_SECRETS_UP_TO_LINE_END}|{_SECRETS_UP_TO_PUNCTUATION})")
_PROPAGATOR = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("tinypixo")
_durations = get_meter("tinypixo").create_histogram(
    "http.server.request.duration", unit="s", description="Duration of requests"
)


def set_up(
    service: str,
    level: str = "info",
    style: str = "json",
    stream: TextIO | None = None,
    *,
    otlp_endpoint: str | None = None,
    log_spans: bool = False,
) -> None:
    """Set up logging and tracing, once, when a process starts.

    Args:
        service: The service's name, which each line holds.
        level: Name of the lowest level that is logged.
        style: `json`; any other value stands for text that a person reads at a console.
        stream: Where lines go; None for standard output.
        otlp_endpoint: The `endpoint` of `set_up_exporters`.
        log_spans: True to write spans into the log.
    """
    stream = stream or sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        # A line for a console may have characters that its encoding lacks.
        stream.reconfigure(errors="backslashreplace")
    set_up_exporters(service, otlp_endpoint, log_spans=log_spans)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        structlog.processors.format_exc_info,
        # The last one, so that it sees what the others add, such as the text of a traceback.
        redact,
    ]
    # CloudWatch reads the declarations of metrics; a person at a console has no use for them.
    omitted = [] if style == "json" else [_without_metric_declarations]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        RecordFormatter(
            foreign_pre_chain=shared,  # for lines of libraries; our own have passed it before
            processors=[
                _with_service(service),
                *omitted,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("botocore", "boto3", "urllib3", "s3transfer", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Remove secrets from the values of a log event, however deep.

    A value with the name of a secret is replaced as a whole, unless it is a number, a boolean or
    None. The name of a value is its key in the event or in a mapping. In a pair, such as a header
    of ASGI, the first element names the second one. In all other text, `without_secrets` replaces
    the secrets that it recognises.

    Objects become text: their `repr`, or if that fails, the name of their type. So a call that logs
    never raises. Most such calls are made where something has failed already.
    """
    for name, value in event.items():
        if name not in _OWN_MEMBERS:
            try:
                event[name] = _redacted(name, value)
            except Exception as error:
                # For example a RecursionError, of a value that contains itself.
                event[name] = f"[{type(value).__name__} not logged: {type(error).__name__}]"
    return event


def shorten(text: str) -> str:
    """Return the beginning of what a client sent, which suffices for a log line or a span.

    `redact` takes up to a microsecond for each character of a line. The event loop, in which
    requests are logged, serves no other request meanwhile. So text from clients is shortened first.
    """
    return text[:MAX_FROM_CLIENT]


def without_secrets(text: str) -> str:
    """Return the text without the values of signatures, credentials, tokens and cookies."""
    for pattern in (_PATTERN_UP_TO_LINE_END, _PATTERN_UP_TO_PUNCTUATION, _BEARER):
        text = pattern.sub(rf"\1{_REDACTED}", text)
    return text


def _is_of_secret(name: Any) -> bool:
    """Return True if a value with this name is a secret. ASGI has names of headers in bytes."""
    return isinstance(name, str | bytes) and _NAME_OF_SECRET.fullmatch(_key_text(name)) is not None


def _key_text(key: Any) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else shown(key)


def _redacted(name: Any, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) < MAX_NUMBER else str(value)
    if _is_of_secret(name):
        return _REDACTED
    if isinstance(value, Mapping):
        # Keys in JSON are text. The text of a key that is a tuple may hold a secret.
        return {
            without_secrets(_key_text(key)): _redacted(key, member) for key, member in value.items()
        }
    if isinstance(value, list | tuple) and len(value) == 2 and _is_of_secret(value[0]):
        name, secret = value
        return [_key_text(name), _redacted(name, secret)]
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(None, member) for member in value]
    # Objects other than text are logged as their repr, for example exceptions.
    return without_secrets(shown(value))


def _without_metric_declarations(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Remove `_aws`, which declares values of the line as metrics, see `metrics.py`."""
    event.pop("_aws", None)
    return event


def _with_service(service: str) -> Any:
    def add(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add


def _with_trace(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        # A line about a span that has ended has that span's trace id already.
        event.setdefault("trace_id", trace.format_trace_id(context.trace_id))
    return event


@contextmanager
def span(name: str, traceparent: str | None = None, **attributes: str) -> Iterator[None]:
    """Record a span in the trace that `traceparent` names, or in the current one."""
    parent = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, context=parent, attributes=attributes):
        yield


def record_request(method: str, status: int, seconds: float) -> None:
    """Record the duration of a request, for a collector. The attributes are OpenTelemetry's."""
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "http.response.status_code": status,
    }
    _durations.record(seconds, attributes)


def traceparent() -> str | None:
    """Return the current trace as a W3C traceparent, to be stored on an item."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")
