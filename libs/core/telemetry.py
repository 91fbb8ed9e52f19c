"""Logs as JSON lines with the ids of what is at hand; traces by OpenTelemetry, carried on items as `traceparent`.

Nothing secret gets out: presigned query strings, tokens and cookies are cut from every line, also those of libraries.
"""

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_NAMES = r"X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId|Authorization|session"
_SECRET = re.compile(rf"(?i)((?:{_NAMES})[\"']?\s*[=:]\s*[\"']?(?:Bearer )?)[^&\s\"',}}]+")
_PROPAGATOR = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("tinypixo")


def set_up(service: str, level: str = "info", style: str = "json", stream: TextIO | None = None) -> None:
    """Called once, when a process starts. Lines go to standard output, or to `stream`."""
    stream = stream or sys.stdout
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider(resource=Resource.create({"service.name": f"tinypixo-{service}"})))
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_trace,
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer: Any = structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                _with_service(service),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
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
    """Cuts secrets from every text of an event."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = without_secrets(value)
    return event


def without_secrets(text: str) -> str:
    """The text with the values of signatures, credentials and tokens cut out."""
    return _SECRET.sub(r"\1[cut]", text)


def _with_service(service: str) -> Any:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    return add


def _with_trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event


@contextmanager
def span(name: str, traceparent: str | None = None, **attributes: str) -> Iterator[None]:
    """A span of the trace that `traceparent` names, or of the present one."""
    parent = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, context=parent, attributes=attributes):
        yield


def traceparent() -> str | None:
    """The present trace as a W3C traceparent, to be stored on an item."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent")
