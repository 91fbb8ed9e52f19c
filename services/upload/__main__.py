"""`python -m services.upload`"""

from libs.core.settings import load
from services.upload.settings import UploadSettings


def main() -> None:
    settings = load(UploadSettings)
    # Only now: what follows takes a second to import, and a missing setting should be told at once.
    from libs.core.serve import serve
    from services.upload.app import create_app
    from services.upload.container import UploadContainer

    serve("upload", settings, lambda: create_app(UploadContainer(settings=settings)))


if __name__ == "__main__":
    main()
