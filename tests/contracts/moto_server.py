"""moto as a server in a process of its own, where the tests' "warnings are errors" does not reach it.

`python -m tests.contracts.moto_server` prints its port and serves until its standard input ends, so it never outlives
the tests. DynamoDB checks a condition and writes in one step; moto does only when nobody else asks at the same moment,
so requests for DynamoDB go through one at a time.
"""

import os
import sys
import threading
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietKeepAlive(WSGIRequestHandler):
    """Keeps connections open, and says nothing: a line per request helps nobody."""

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
    # At once: what moto holds is nobody's business any more, and taking it down in order takes seconds.
    os._exit(0)


if __name__ == "__main__":
    main()
