"""The upload service: `create_app` builds the whole of it."""

from litestar import Litestar

from libs.core.web.app import service_app
from libs.core.web.session import session_config, session_route
from services.upload.container import UploadContainer
from services.upload.routes import UploadController

DEPENDENCIES = (
    "complete_upload",
    "delete_upload",
    "expect_part",
    "list_uploads",
    "parts_at_once",
    "report_part",
    "show_upload",
    "sign_parts",
    "start_upload",
    "store_part",
)


def create_app(container: UploadContainer) -> Litestar:
    """The app on what this container wires."""
    settings = container.settings()
    session = session_config(
        settings.session_secret.get_secret_value(), secure=settings.secure_cookies
    )
    return service_app(
        "upload",
        settings,
        [UploadController, session_route(session)],
        {name: getattr(container, name) for name in DEPENDENCIES},
        container.checks(),
    )
