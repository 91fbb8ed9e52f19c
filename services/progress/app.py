"""The progress service: `create_app` builds the whole of it, with the hub that follows the table's stream."""

from litestar import Litestar

from libs.core.web.app import service_app
from services.progress.container import ProgressContainer
from services.progress.routes import ProgressController


def create_app(container: ProgressContainer) -> Litestar:
    """The app on what this container wires."""
    return service_app(
        "progress",
        container.settings(),
        [ProgressController],
        {
            name: getattr(container, name)
            for name in ("hub", "open_stream", "read_progress", "settings")
        },
        container.checks(),
        lifespan=[container.hub().lifespan],
    )
