"""Build the application of the upload service."""

from litestar import Litestar

from libs.core.web.app import service_app, session_tokens
from libs.core.web.session import session_routes
from services.upload.companion.routes import CompanionController
from services.upload.container import UploadContainer
from services.upload.part_routes import PartController
from services.upload.routes import UploadController
from services.upload.tus.middleware import TusProtocol
from services.upload.tus.routes import TusController

DEPENDENCIES = (
    "append_to_upload",
    "complete_companion_upload",
    "complete_upload",
    "create_tus_upload",
    "delete_upload",
    "find_multipart",
    "join_uploads",
    "list_companion_parts",
    "list_uploads",
    "part_slots",
    "public_url",
    "rate_limiter",
    "report_parts",
    "reuse_upload",
    "revoked_sessions",
    "show_upload",
    "sign_companion_parts",
    "sign_parts",
    "start_form_upload",
    "start_upload",
    "store_part",
    "upload_limits",
    "validate_part",
)


def create_app(container: UploadContainer) -> Litestar:
    """Return the application with the adapters of this container."""
    settings = container.settings()
    return service_app(
        "upload",
        settings,
        [
            UploadController,
            PartController,
            CompanionController,
            TusController,
            *session_routes(session_tokens(settings)),
        ],
        {name: getattr(container, name) for name in DEPENDENCIES},
        container.checks(),
        clock_skew=container.aws.clock_skew(),
        outer_middleware=[TusProtocol(settings.max_file_size)],
    )
