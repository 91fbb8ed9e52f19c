"""Verify HTML forms that upload a file to S3 (POST Object, with a signed policy)."""

from email.parser import BytesHeaderParser
from typing import Any

from ministack.core import sigv4

MAX_FIELDS = 64 << 10
"""Maximum size of the fields before the file, in bytes; a presigned form has about 1 KiB."""


def is_form(method: str, headers: dict[str, str]) -> bool:
    """Return True if a request uploads a file as a form."""
    return method == "POST" and headers.get("content-type", "").startswith("multipart/form-data")


async def read_fields(headers: dict[str, str], receive: Any) -> tuple[dict[str, str], Any]:
    """Read the fields of a form that stand before its file.

    Returns:
        The fields by lower-case name, and a `receive` that repeats what was read and goes on.
    """
    boundary = b"--" + _boundary(headers).encode("latin-1")
    messages: list[Any] = []
    start = b""
    while len(start) <= MAX_FIELDS:
        message = await receive()
        messages.append(message)
        start += message.get("body", b"")
        if b'name="file"' in start or not message.get("more_body", False):
            break

    async def receive_again() -> Any:
        return messages.pop(0) if messages else await receive()

    fields = [_field(part) for part in start[:MAX_FIELDS].split(boundary)[1:]]
    return dict(field for field in fields if field), receive_again


def key_of_form(fields: dict[str, str]) -> str:
    """Return the access key id with which a form is signed, or an empty string."""
    return fields.get("x-amz-credential", "").partition("/")[0]


def form_failure(fields: dict[str, str], secret: str | None) -> tuple[str, str] | None:
    """Return code and message of the error, or None if the policy is signed with this secret."""
    scope = fields.get("x-amz-credential", "").split("/")
    if len(scope) != 5 or secret is None or scope[3] != "s3":
        return "InvalidAccessKeyId", "The AWS access key id is not that of this stack."
    expected = sigv4.calculate_signature(secret, scope[1], scope[2], "s3", fields.get("policy", ""))
    if not sigv4.signatures_match(expected, fields.get("x-amz-signature", "")):
        return "SignatureDoesNotMatch", "The signature of the policy is wrong."
    return None


def _boundary(headers: dict[str, str]) -> str:
    message = BytesHeaderParser().parsebytes(
        b"Content-Type: " + headers["content-type"].encode("latin-1") + b"\r\n\r\n"
    )
    return str(message.get_boundary("no-boundary"))


def _field(part: bytes) -> tuple[str, str] | None:
    """Return name and value of one part of a form; None for the file and for anything else."""
    head, separator, value = part.strip(b"\r\n").partition(b"\r\n\r\n")
    message = BytesHeaderParser().parsebytes(head.lstrip(b"\r\n") + b"\r\n\r\n")
    name = message.get_param("name", header="content-disposition")
    if not separator or not isinstance(name, str) or name == "file":
        return None
    return name.lower(), value.decode("utf-8", "replace")
