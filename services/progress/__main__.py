"""Run the progress service: `python -m services.progress`."""

from libs.core.settings import load
from services.progress.settings import ProgressSettings


def main() -> None:
    """Serve until SIGTERM."""
    settings = load(ProgressSettings)
    # These imports take a second. A missing setting should be reported before that.
    from libs.core.serve import serve
    from services.progress.app import create_app
    from services.progress.container import ProgressContainer

    serve("progress", settings, lambda: create_app(ProgressContainer(settings=settings)))


if __name__ == "__main__":
    main()
