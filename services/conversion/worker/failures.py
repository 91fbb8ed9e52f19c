"""Decide when a conversion has failed for good, and what its owner is told."""

import structlog

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Failure
from libs.core.errors import ObjectMissing, UploadNotFound
from services.conversion.ports import MediaError

log = structlog.get_logger(__name__)

MAX_LOST_ATTEMPTS = 3
"""Attempts lost while running alone, after which the next claim fails the conversion with
`worker_lost`."""

MAX_ATTEMPTS = 12
"""Attempts of all kinds, except those that were handed over because of the worker."""


def check_attempts(conversion: Conversion) -> None:
    """Raise MediaError if a conversion has had all the attempts that it may have."""
    if conversion.attempts - conversion.released > MAX_LOST_ATTEMPTS:
        raise MediaError(
            "worker_lost", "This file stopped our converter several times. Try another file."
        )
    if conversion.attempts - conversion.handed_over > MAX_ATTEMPTS:
        raise MediaError(
            "storage_unavailable",
            "Our storage failed several times during this conversion. Try again later.",
        )


def failure_of(conversion: Conversion, error: Exception) -> Failure:
    """Return the failure that the user sees for an error that is not retried."""
    if isinstance(error, (UploadNotFound, ObjectMissing)):
        return Failure("corrupt", "The uploaded file is no longer there. Please upload it again.")
    if isinstance(error, MediaError):
        log.warning(
            "conversion.refused",
            conversion=conversion.id,
            code=error.code,
            ffmpeg=error.operator_detail,
        )
        return Failure(error.code, error.detail)
    log.error("conversion.internal_error", conversion=conversion.id, exc_info=error)
    return Failure("internal", "Something went wrong on our side. Please try again.")
