"""A proxy in front of an emulator's S3 that is as strict with presigned URLs as S3 is, where emulators are kind.

It checks what S3 checks, in S3's order, and answers S3's XML: parameters, expiry, the access key, the signature (which
covers method, path, query and the signed headers, the exact length among them), and that no `x-amz-` header came unsigned.
Requests signed in their headers, as services make them, pass; requests that nobody signed do not.
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

LONGEST = 7 * 24 * 3600
SKEW = 15 * 60
NEEDED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
now = time.time  # for tests to set

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}


class Refusal(NamedTuple):
    """An error of S3."""

    status: int
    code: str
    message: str

    def xml(self) -> bytes:
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message></Error>'
        ).encode()


def refusal(method: str, target: str, headers: dict[str, str], key: str, secret: str, at: float) -> Refusal | None:
    """Why S3 would not serve this request; None if it would. Names of headers in lower case."""
    split = urlsplit(target)
    query = dict(parse_qsl(split.query, keep_blank_values=True))
    if method == "OPTIONS" or "authorization" in headers:
        return None
    if "X-Amz-Signature" not in query:
        return Refusal(403, "AccessDenied", "Access Denied")
    if any(name not in query for name in NEEDED) or not 0 < int(query["X-Amz-Expires"]) <= LONGEST:
        return Refusal(400, "AuthorizationQueryParametersError", f"Query-string authentication needs {', '.join(NEEDED)}")
    signed_at = timegm(time.strptime(query["X-Amz-Date"], SIGV4_TIMESTAMP))
    if at < signed_at - SKEW:
        return Refusal(403, "AccessDenied", "Request is not valid yet")
    if at > signed_at + int(query["X-Amz-Expires"]):
        return Refusal(403, "AccessDenied", "Request has expired")
    if query["X-Amz-Credential"].partition("/")[0] != key:
        return Refusal(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    signed = query["X-Amz-SignedHeaders"].split(";")
    if query["X-Amz-Signature"] != _signature(method, target, {name: headers.get(name, "") for name in signed}, key, secret, query):
        return Refusal(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
    if any(name.startswith("x-amz-") and name not in signed for name in headers):
        return Refusal(403, "AccessDenied", "There were headers present in the request which were not signed")
    return None


def _signature(method: str, target: str, headers: dict[str, str], key: str, secret: str, query: dict[str, str]) -> str:
    region = query["X-Amz-Credential"].split("/")[2]
    path, _, raw = target.partition("?")
    unsigned = "&".join(pair for pair in raw.split("&") if not pair.startswith("X-Amz-Signature="))
    request: Any = AWSRequest(method=method, url=f"http://{headers['host']}{path}?{unsigned}", headers=headers)
    request.context["timestamp"] = query["X-Amz-Date"]
    auth: Any = S3SigV4QueryAuth(Credentials(key, secret), "s3", region)
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))


class StrictS3:
    """The proxy, on a port of its own; a context manager. `refused` says what it refused, the latest last."""

    def __init__(self, upstream: str, key: str = "test", secret: str = "test") -> None:
        self.refused: list[Refusal] = []
        self.passed: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy._serve(self, upstream, key, secret)

            do_PUT = do_HEAD = do_POST = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, request: BaseHTTPRequestHandler, upstream: str, key: str, secret: str) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.rfile.read(int(headers.get("content-length", 0)))
        refused = refusal(request.command, request.path, headers, key, secret, now())
        if refused:
            self.refused.append(refused)
            _answer(request, refused.status, {"Content-Type": "application/xml"}, refused.xml())
            return
        self.passed.append(f"{request.command} {request.path}")
        connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=60)
        try:
            connection.request(request.command, request.path, body, {n: v for n, v in headers.items() if n not in _HOP_BY_HOP})
            with connection.getresponse() as answer:
                _answer(request, answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()


def _answer(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    request.send_response_only(status)
    for name, value in headers.items():
        if name.lower() not in _HOP_BY_HOP | {"content-length"}:
            request.send_header(name, value)
    length = next((value for name, value in headers.items() if name.lower() == "content-length"), str(len(body)))
    if status not in (204, 304):
        request.send_header("Content-Length", length if request.command == "HEAD" else str(len(body)))
    request.end_headers()
    if request.command != "HEAD" and status not in (204, 304):
        request.wfile.write(body)
