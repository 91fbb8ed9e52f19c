"""Build the application of the upload service."""

from litestar import Litestar

from libs.core.web.app import service_app
from libs.core.web.session import session_config, session_route
from services.upload.container import UploadContainer
from services.upload.routes import UploadController

DEPENDENCIES = (
    "complete_upload",
    "delete_upload",
    "list_uploads",
    "part_limiter",
    "report_part",
    "show_upload",
    "sign_parts",
    "start_upload",
    "store_part",
    "validate_part",
)


def create_app(container: UploadContainer) -> Litestar:
    """Return the application with the adapters of this container."""
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
