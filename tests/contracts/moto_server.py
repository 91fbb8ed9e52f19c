"""Run moto as a server in its own process, where warnings are not errors.

`python -m tests.contracts.moto_server` prints its port and serves until its standard input ends, so
it never outlives the tests. DynamoDB checks a condition and writes in one step; moto does so only
when no other request is served at the same time, so requests for DynamoDB are served one at a time.
"""

import os
import sys
import threading
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietKeepAlive(WSGIRequestHandler):
    """Keep connections open, and log no requests."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 -- werkzeug's name
        if type == "error":
            super().log(type, message, *args)


def main() -> None:
    app = DomainDispatcherApplication(create_backend_app)
    lock = threading.Lock()

    def one_at_a_time(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith("DynamoDB_"):
            return app(environ, start_response)  # type: ignore[no-any-return]
        with lock:
            return app(environ, start_response)  # type: ignore[no-any-return]

    server = make_server(
        "127.0.0.1", 0, one_at_a_time, threaded=True, request_handler=QuietKeepAlive
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)
    sys.stdin.read()
    # An orderly end would take seconds, and nobody needs moto's data any more.
    os._exit(0)


if __name__ == "__main__":
    main()
