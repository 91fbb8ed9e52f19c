"""Verify presigned URLs as S3 does, in a proxy in front of an emulator.

Emulators accept presigned URLs that S3 refuses. The proxy checks, in S3's order: the parameters,
the expiry, the access key, the signature (which covers method, path, query and the signed headers,
the exact length among them), and that no `x-amz-` header is unsigned. It answers S3's error XML.
Requests with an `Authorization` header pass, as the services send them. Unsigned requests do not.
"""

import http.client
import time
from calendar import timegm
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

MAX_EXPIRES = 7 * 24 * 3600
MAX_CLOCK_SKEW = 15 * 60
REQUIRED_PARAMETERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)
now = time.time  # replaced by tests of expiry

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class S3Error(NamedTuple):
    """Hold one error response of S3."""

    status: int
    code: str
    message: str

    def xml(self) -> bytes:
        error = f"<Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{error}</Error>'.encode()


def presigned_url_error(
    method: str, target: str, headers: dict[str, str], key: str, secret: str, at: float
) -> S3Error | None:
    """Return the error with which S3 would refuse this request, or None.

    Args:
        method: The HTTP method.
        target: Path and query, as they are in the request line.
        headers: The headers, with names in lower case.
        key: The access key id that the URL must be signed with.
        secret: The secret access key.
        at: The present time, in seconds since 1970.
    """
    split = urlsplit(target)
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    if method == "OPTIONS" or "authorization" in headers:
        return None
    if method == "POST" and headers.get("content-type", "").startswith("multipart/form-data"):
        return None  # a form: its signature is among its fields, and of its policy
    if "X-Amz-Signature" not in query:
        return S3Error(403, "AccessDenied", "Access Denied")
    if (
        any(name not in query for name in REQUIRED_PARAMETERS)
        or not 0 < int(query["X-Amz-Expires"]) <= MAX_EXPIRES
    ):
        return S3Error(
            400,
            "AuthorizationQueryParametersError",
            f"Query-string authentication needs {', '.join(REQUIRED_PARAMETERS)}",
        )
    signed_at = timegm(time.strptime(query["X-Amz-Date"], SIGV4_TIMESTAMP))
    if at < signed_at - MAX_CLOCK_SKEW:
        return S3Error(403, "AccessDenied", "Request is not valid yet")
    if at > signed_at + int(query["X-Amz-Expires"]):
        return S3Error(403, "AccessDenied", "Request has expired")
    if query["X-Amz-Credential"].partition("/")[0] != key:
        return S3Error(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        )
    signed = query["X-Amz-SignedHeaders"].split(";")
    if query["X-Amz-Signature"] != _signature(
        method, target, {name: headers.get(name, "") for name in signed}, key, secret, query
    ):
        return S3Error(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )
    if any(name.startswith("x-amz-") and name not in signed for name in headers):
        return S3Error(
            403, "AccessDenied", "There were headers present in the request which were not signed"
        )
    return None


def _signature(
    method: str, target: str, headers: dict[str, str], key: str, secret: str, query: dict[str, str]
) -> str:
    region = query["X-Amz-Credential"].split("/")[2]
    path, _, raw = target.partition("?")
    unsigned = "&".join(pair for pair in raw.split("&") if not pair.startswith("X-Amz-Signature="))
    request: Any = AWSRequest(
        method=method, url=f"http://{headers['host']}{path}?{unsigned}", headers=headers
    )
    request.context["timestamp"] = query["X-Amz-Date"]
    auth: Any = S3SigV4QueryAuth(Credentials(key, secret), "s3", region)
    return str(
        auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    )


class SigV4Proxy:
    """Run the proxy on a free port, as a context manager.

    `refused` lists the errors that it answered, `forwarded` the requests that it let through, both
    in the order of arrival.
    """

    def __init__(self, upstream: str, key: str = "test", secret: str = "test") -> None:
        self.refused: list[S3Error] = []
        self.forwarded: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._serve(self, upstream, key, secret)

            do_PUT = do_HEAD = do_POST = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, request: BaseHTTPRequestHandler, upstream: str, key: str, secret: str) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length", 0)))
        refused = presigned_url_error(request.command, request.path, headers, key, secret, now())
        if refused:
            self.refused.append(refused)
            _answer(request, refused.status, {"Content-Type": "application/xml"}, refused.xml())
            return
        self.forwarded.append(f"{request.command} {request.path}")
        connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=60)
        try:
            connection.request(
                request.command,
                request.path,
                body,
                {n: v for n, v in headers.items() if n not in _HOP_BY_HOP},
            )
            with connection.getresponse() as answer:
                _answer(request, answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()


def _answer(
    request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    request.send_response_only(status)
    for name, value in headers.items():
        if name.lower() not in _HOP_BY_HOP | {"content-length"}:
            request.send_header(name, value)
    length = next(
        (value for name, value in headers.items() if name.lower() == "content-length"),
        str(len(body)),
    )
    if status not in (204, 304):
        request.send_header(
            "Content-Length", length if request.command == "HEAD" else str(len(body))
        )
    request.end_headers()
    if request.command != "HEAD" and status not in (204, 304):
        request.wfile.write(body)
