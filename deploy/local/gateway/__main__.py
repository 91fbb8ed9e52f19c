"""Run the gateway until SIGTERM: `python -m deploy.local.gateway`.

GATEWAY_ROUTES (JSON: service → URL), GATEWAY_PAGE (folder of the built page), GATEWAY_BUCKET_ORIGIN
(origin of presigned URLs), HOST and PORT configure it. TINYPIXO_ORIGINS (origins of the page) names
the hosts that it answers besides localhost and addresses.
"""

import json
import os
from pathlib import Path

import uvicorn

from deploy.local.gateway.app import gateway_app
from deploy.local.gateway.hosts import names_in
from deploy.local.gateway.middleware import security_headers
from deploy.local.gateway.protocol import protocol_with
from libs.core import telemetry
from libs.core.descriptors import raise_descriptor_limit


def main() -> None:
    """Serve until SIGTERM."""
    telemetry.set_up("gateway")
    raise_descriptor_limit()
    environment = os.environ
    routes = json.loads(environment["GATEWAY_ROUTES"])
    headers = security_headers(environment["GATEWAY_BUCKET_ORIGIN"])
    names = names_in(environment.get("TINYPIXO_ORIGINS", ""))
    uvicorn.run(
        gateway_app(routes, Path(environment["GATEWAY_PAGE"]), headers, names),
        host=environment["HOST"],
        port=int(environment["PORT"]),
        http=protocol_with(headers),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
