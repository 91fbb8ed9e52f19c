"""Answer requests that are not valid HTTP as the gateway answers all other errors."""

from collections.abc import Mapping
from http import HTTPStatus

import h11

from deploy.local.gateway.asgi import PROBLEM_JSON, problem_document
from deploy.local.gateway.middleware import REQUEST_ID, new_request_id
from libs.core.web.server_protocol import ServiceProtocol


def protocol_with(headers: Mapping[str, str]) -> type[ServiceProtocol]:
    """Return a protocol class for uvicorn that adds these headers to its own responses."""
    own = [(name.encode(), value.encode()) for name, value in headers.items()]

    class GatewayProtocol(ServiceProtocol):
        """Send problem documents with the headers of the page's responses.

        Headers must arrive within the same time as at the services.
        """

        def send_problem(self, status: int, code: str, detail: str) -> None:
            body = problem_document(status, code, detail)
            response = h11.Response(
                status_code=status,
                reason=HTTPStatus(status).phrase.encode(),
                headers=[
                    *own,
                    (REQUEST_ID, new_request_id()),
                    (b"content-type", PROBLEM_JSON),
                    (b"content-length", str(len(body)).encode()),
                    (b"connection", b"close"),
                ],
            )
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")

    return GatewayProtocol
