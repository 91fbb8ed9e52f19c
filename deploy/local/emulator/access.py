"""Refuse unsigned or foreign requests.

Every web page that a browser shows on this machine can send requests to a port of localhost.
MiniStack with `AUTH=true` verifies presigned URLs and IAM users, but not the signatures of the
root user, whose keys are well known. It also has administration paths without any signature, and
allows all origins for most services. `AccessControl` verifies every signature (AWS Signature
Version 4) with the secret of this stack or of an IAM user, and answers no other origin than those
of our page. What a user may do is MiniStack's business, except for forms.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from ministack.core import sigv4

from deploy.local.emulator import principals
from deploy.local.emulator.forms import form_failure, is_form, key_of_form, read_fields

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

READY_PATH = "/_ministack/ready"
"""The only path that is answered without a signature: it says that the emulator has started."""

LOCAL_HOSTS = {"localhost", "127.0.0.1"}
"""Host names by which we are reached. Another one means DNS rebinding."""

MAX_SIGNED_BODY = 16 << 20
"""The maximum size of a request whose body is signed, in bytes: that of BatchWriteItem."""

PRESIGNED_METHODS = {"GET", "HEAD", "PUT"}


class Request(NamedTuple):
    """Hold the parts of a request that are signed."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]

    @classmethod
    def of(cls, scope: Any) -> "Request":
        """Read a request from its ASGI scope."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
            # SigV4 joins the values of a repeated header with a comma.
            headers[key] = f"{headers[key]},{text}" if key in headers else text
        path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1")
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return cls(scope["method"], path, query, headers)

    @property
    def is_for_bucket(self) -> bool:
        """Return True if the request is for a bucket as a whole, and for nothing else."""
        plain = not self.query and "x-amz-target" not in self.headers
        return plain and self.path.rstrip("/").count("/") == 1

    def unsigned_headers(self, signed: str) -> set[str]:
        """Return the headers that must be among the signed ones, and are not."""
        asking = {name for name in self.headers if name.startswith("x-amz-")}
        return asking - set(signed.lower().split(";"))

    def action(self, body: bytes) -> str:
        """Return the name of the action; empty for S3, whose requests have a path instead."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        form = parse_qs(body.decode("latin-1")) if self.path == "/" else {}
        return form.get("Action", [""])[0]


class AccessControl:
    """Wrap MiniStack's ASGI application, and answer 403 to requests that are not for it."""

    def __init__(
        self, app: Asgi, origins: Sequence[str], access_key_id: str, secret_access_key: str
    ) -> None:
        """Accept requests that are signed with these credentials or with those of an IAM user.

        Pages that send any must be of these origins.
        """
        self._app = app
        self._origins = set(origins)
        self._key = access_key_id
        self._secret = secret_access_key

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request.of(scope)
        if not self._is_from_here(request):
            await _forbid(send, request, "AccessDenied", "Access Denied")
            return
        if (request.method, request.path) != ("GET", READY_PATH) and request.method != "OPTIONS":
            body = b""
            if is_form(request.method, request.headers):
                if not request.is_for_bucket:
                    await _forbid(send, request, "AccessDenied", "Access Denied")
                    return
                fields, receive = await read_fields(request.headers, receive)
                if failure := self._form_failure(request, fields):
                    await _forbid(send, request, *failure)
                    return
                scope["aws_action"] = request.action(b"")
                await self._app(scope, receive, self._without_other_origins(send))
                return
            # Without this header the signature covers the body.
            if "x-amz-content-sha256" not in request.headers:
                body, receive = await _read_body(receive)
            if failure := self._signature_failure(request, body):
                await _forbid(send, request, *failure)
                return
            scope["aws_action"] = request.action(body)
        await self._app(scope, receive, self._without_other_origins(send))

    def _is_from_here(self, request: Request) -> bool:
        """Return True if neither the path, the host nor the origin forbids the request."""
        if urlsplit(f"//{request.headers.get('host', '')}").hostname not in LOCAL_HOSTS:
            return False
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._origins:
            return False
        if request.path.startswith("/_"):
            return (request.method, request.path) == ("GET", READY_PATH)
        # Only browsers send OPTIONS, before a request to another origin.
        return request.method != "OPTIONS" or origin is not None

    def _signature_failure(self, request: Request, body: bytes) -> tuple[str, str] | None:
        """Return code and message of the error, or None if the request is signed by us."""
        presigned = "authorization" not in request.headers
        if presigned:
            if request.method not in PRESIGNED_METHODS or "x-amz-target" in request.headers:
                return "AccessDenied", "Access Denied"
            signature = sigv4.parse_query_signature(request.query)
        else:
            signature = sigv4.parse_header_signature(request.headers)
        if isinstance(signature, tuple):
            return signature
        secret = self._secret_of(signature.access_key_id)
        if secret is None or (presigned and signature.service != "s3"):
            return "InvalidAccessKeyId", "The AWS access key id is not that of this stack."
        # A URL for a part would otherwise copy any object (x-amz-copy-source).
        if request.unsigned_headers(signature.signed_headers):
            return "AccessDenied", "There were headers present in the request which were not signed"
        # MiniStack checks the expiry of presigned URLs itself.
        if not presigned and (failure := sigv4.request_time_failure(signature)):
            return failure  # type: ignore[no-any-return]
        return sigv4.header_signature_failure(  # type: ignore[no-any-return]
            signature, secret, *request, body, presigned=presigned
        )

    def _form_failure(self, request: Request, fields: dict[str, str]) -> tuple[str, str] | None:
        """Return code and message of the error, or None if a user of ours allows this form."""
        key = key_of_form(fields)
        if failure := form_failure(fields, self._secret_of(key)):
            return failure
        resource = f"arn:aws:s3:::{request.path.strip('/')}/{fields.get('key', '')}"
        if not principals.is_allowed(key, "s3:PutObject", resource):
            return "AccessDenied", "Access Denied"
        return None

    def _secret_of(self, access_key_id: str) -> str | None:
        return self._secret if access_key_id == self._key else principals.secret_of(access_key_id)

    def _without_other_origins(self, send: Any) -> Any:
        """Return a `send` that removes the permission for all origins from responses."""

        async def send_filtered(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [
                    (name, value)
                    for name, value in message["headers"]
                    if name.lower() != b"access-control-allow-origin"
                    or value.decode("latin-1") in self._origins
                ]
                message = {**message, "headers": kept}
            await send(message)

        return send_filtered


async def _read_body(receive: Any) -> tuple[bytes, Any]:
    """Read a body, and return it with a `receive` that repeats it."""
    parts: list[bytes] = []
    more = True
    while more and sum(map(len, parts)) <= MAX_SIGNED_BODY:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join(parts)
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Any:
        return pending.pop() if pending else await receive()

    return body, receive_again


async def _forbid(send: Any, request: Request, code: str, message: str) -> None:
    """Answer 403 as S3 does, or as the services do that have JSON."""
    if "x-amz-target" in request.headers:
        content_type, body = "application/x-amz-json-1.0", f'{{"__type": "{code}"}}'
    else:
        content_type = "application/xml"
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        if request.path == "/":  # CloudFormation, SNS and others
            body = f"<ErrorResponse>{body}</ErrorResponse>"
    headers = [(b"content-type", content_type.encode()), (b"connection", b"close")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
