"""`python -m services.progress`"""

from libs.core.settings import load
from services.progress.settings import ProgressSettings


def main() -> None:
    settings = load(ProgressSettings)
    # Only now: what follows takes a second to import, and a missing setting should be told at once.
    from libs.core.serve import serve
    from services.progress.app import create_app
    from services.progress.container import ProgressContainer

    serve("progress", settings, lambda: create_app(ProgressContainer(settings=settings)))


if __name__ == "__main__":
    main()
