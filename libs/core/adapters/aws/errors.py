"""Translate AWS errors that mean "not now" to StorageUnavailable; others pass unchanged."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as BotoConnectionError

from libs.core.errors import StorageUnavailable

RETRY_AFTER = 2
"""Seconds that a client should wait. Longer than botocore's own retries."""

_BUSY = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
    "503",
}

_BAD_CREDENTIALS = {
    "400",  # of HeadObject, whose answer has no body; our keys are always valid
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
}
"""Codes of credentials that have expired or were replaced. The request is not at fault; boto3 soon
fetches new credentials."""


def code_of(error: ClientError) -> str:
    """Return AWS's error code, for example "NoSuchKey"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_busy(error: ClientError) -> bool:
    """Return True if the same request may succeed later."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or code_of(error) in _BUSY | _BAD_CREDENTIALS


@contextmanager
def translate_errors(service: str) -> Iterator[None]:
    """Raise StorageUnavailable for network errors and busy answers.

    `service` is the name that users see.
    """
    try:
        yield
    except (BotoConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise _unavailable(service) from error
    except ClientError as error:
        if is_busy(error):
            raise _unavailable(service) from error
        raise
    except (BotoCoreError, RuntimeError) as error:
        # Temporary failures to fetch a container role's credentials have several classes, and
        # botocore raises RuntimeError if the credentials that it fetched have expired.
        if "redential" in str(error):
            raise _unavailable(service) from error
        raise


def _unavailable(service: str) -> StorageUnavailable:
    return StorageUnavailable(
        f"Our storage ({service}) cannot be reached right now. Nothing is lost. "
        "Please try again in a moment.",
        retry_after=RETRY_AFTER,
    )
