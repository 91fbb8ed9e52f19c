"""Send traces and metrics to an OpenTelemetry collector, or write spans into the log.

Without either, spans are made and thrown away: they only carry the ids in log lines and items.
"""

import structlog
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import format_span_id, format_trace_id

log = structlog.get_logger(__name__)

NANOSECONDS = 1_000_000_000


class LogSpans(SpanProcessor):
    """Write a log line for each span that has ended. `deploy.local.trace` reads them."""

    def on_end(self, span: ReadableSpan) -> None:
        context = span.context
        began, ended = span.start_time, span.end_time
        if context is None or began is None or ended is None:
            return
        log.info(
            "span",
            name=span.name,
            trace_id=format_trace_id(context.trace_id),
            span_id=format_span_id(context.span_id),
            parent_id=format_span_id(span.parent.span_id) if span.parent else None,
            began=began / NANOSECONDS,
            took_seconds=(ended - began) / NANOSECONDS,
            attributes=dict(span.attributes or {}),
        )


def set_up_exporters(service: str, endpoint: str | None, *, log_spans: bool) -> None:
    """Install the providers of traces and metrics, once, when a process starts.

    Args:
        service: The service's name.
        endpoint: Base URL of a collector that takes OTLP over HTTP; None for none.
        log_spans: True to write spans into the log.
    """
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    resource = Resource.create({"service.name": f"tinypixo-{service}"})
    tracers = TracerProvider(resource=resource)
    trace.set_tracer_provider(tracers)
    if log_spans:
        tracers.add_span_processor(LogSpans())
    if not endpoint:
        return
    # Imported here, because they take a third of a second that most processes need not spend.
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    base = endpoint.rstrip("/")
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics"))
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader]))
