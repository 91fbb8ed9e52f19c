"""Run the upload service: `python -m services.upload`."""

from libs.core.settings import load
from services.upload.settings import UploadSettings


def main() -> None:
    """Serve until SIGTERM."""
    settings = load(UploadSettings)
    # These imports take a second. A missing setting should be reported before that.
    from libs.core.serve import serve
    from services.upload.app import create_app
    from services.upload.container import UploadContainer

    serve("upload", settings, lambda: create_app(UploadContainer(settings=settings)))


if __name__ == "__main__":
    main()
