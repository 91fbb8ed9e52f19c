"""Decide whether a conversion is tried again, and what its owner is told if not."""

import structlog

from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Failure
from libs.core.errors import (
    MultipartUploadGone,
    ObjectMissing,
    PartsChanged,
    StorageUnavailable,
    UploadNotFound,
)
from services.conversion.exhaustion import is_of_exhaustion
from services.conversion.ports import MediaError
from services.conversion.worker.heartbeat import ReleaseRequested

log = structlog.get_logger(__name__)

MAX_BLAMED_ATTEMPTS = 3
"""Maximum number of attempts that count against the file, because they were lost while they ran
alone. After that many, the next attempt fails the conversion with `worker_lost` at once."""

MAX_ATTEMPTS = 12
"""Maximum number of attempts. Those that `Conversion.yielded` counts are not among them."""


_TEMPORARY = (
    ReleaseRequested,
    StorageUnavailable,
    # The multipart upload is gone if an attempt that had lost its lease completed it. The next
    # attempt begins another one.
    MultipartUploadGone,
    PartsChanged,
)


def may_succeed_later(error: Exception) -> bool:
    """Return True if the storage or the worker is the reason, and the next attempt may succeed."""
    return isinstance(error, _TEMPORARY) or is_of_exhaustion(error)


def check_attempts(conversion: Conversion) -> None:
    """Raise MediaError if a conversion has had all the attempts that it may have."""
    ended = conversion.attempts - 1  # `attempts` counts the one that is about to run, too
    # Earlier versions do not write the set `conversion.blamed`. All versions must give up after the
    # same attempt, so this does not use the size of that set.
    blamed_count = ended - conversion.unblamed_count
    if blamed_count >= MAX_BLAMED_ATTEMPTS:
        raise MediaError(
            Failure(
                "worker_lost", "This file stopped our converter several times. Try another file."
            )
        )
    if ended - conversion.yielded >= MAX_ATTEMPTS:
        raise MediaError(
            Failure(
                "storage_unavailable",
                "Our service failed several times during this conversion. Try again later.",
            )
        )


def failure_of(conversion: Conversion, error: Exception) -> Failure:
    """Return the failure that the user sees for an error that is not retried."""
    if isinstance(error, (UploadNotFound, ObjectMissing)):
        return Failure(
            "corrupt",
            "The uploaded file is no longer there. Please upload it again.",
            "upload_gone",
        )
    if isinstance(error, MediaError):
        log.warning(
            "conversion.refused",
            conversion=conversion.id,
            code=error.code,
            failure_reason=error.failure.reason,
            ffmpeg=error.operator_detail,
        )
        return error.failure
    log.error("conversion.internal_error", conversion=conversion.id, exc_info=error)
    return Failure("internal", "Something went wrong on our side. Please try again.")
