"""AWS's errors, as the domain knows them: "cannot now" becomes StorageUnavailable, what we did not expect passes through."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as BotoConnectionError

from libs.core.errors import StorageUnavailable

RETRY_AFTER = 2
"""Seconds that a client should wait: longer than botocore's own retries, short enough for a person."""

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


def code_of(error: ClientError) -> str:
    """AWS's own code, as "NoSuchKey"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_busy(error: ClientError) -> bool:
    """Whether AWS says "not now" rather than "no"."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or code_of(error) in _BUSY


@contextmanager
def translate_errors(service: str) -> Iterator[None]:
    """Turns faults of the network and of AWS into StorageUnavailable, which names the service in words."""
    try:
        yield
    except (BotoConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise _unavailable(service) from error
    except ClientError as error:
        if is_busy(error):
            raise _unavailable(service) from error
        raise
    except BotoCoreError as error:
        # Credentials of a container role that cannot be fetched right now look like this.
        if "redential" in str(error):
            raise _unavailable(service) from error
        raise


def _unavailable(service: str) -> StorageUnavailable:
    return StorageUnavailable(
        f"Our storage ({service}) cannot be reached right now. Nothing is lost; please try again in a moment.",
        retry_after=RETRY_AFTER,
    )
