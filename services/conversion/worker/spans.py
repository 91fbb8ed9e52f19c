"""Record what a worker does as spans of the trace that asked for it."""

from contextlib import AbstractContextManager

from libs.core.domain.conversions import Conversion
from libs.core.telemetry import span

__all__ = ["span", "span_of"]


def span_of(conversion: Conversion) -> AbstractContextManager[None]:
    """Continue the trace of the request that asked for a conversion."""
    return span(
        "convert",
        conversion.trace,
        conversion=conversion.id,
        upload=conversion.upload_id,
        attempt=str(conversion.attempts),
    )
