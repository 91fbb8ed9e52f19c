"""Build the application of the progress service, with the broadcaster beside it."""

from litestar import Litestar

from libs.core.web.app import service_app
from services.progress.container import ProgressContainer
from services.progress.routes import ProgressController

DEPENDENCIES = (
    "broadcaster",
    "open_stream",
    "rate_limiter",
    "read_progress",
    "revoked_sessions",
    "settings",
)


def create_app(container: ProgressContainer) -> Litestar:
    """Return the application with the adapters of this container."""
    broadcaster = container.broadcaster()
    app = service_app(
        "progress",
        container.settings(),
        [ProgressController],
        {name: getattr(container, name) for name in DEPENDENCIES},
        container.checks(),
        clock_skew=container.aws.clock_skew(),
        lifespan=[broadcaster.lifespan],
    )
    app.state.on_drain = broadcaster.draining.set
    return app
