"""Run the conversion service: `python -m services.conversion`."""

from libs.core.settings import load
from services.conversion.settings import ConversionSettings


def main() -> None:
    settings = load(ConversionSettings)
    # These imports take a second. A missing setting should be reported before that.
    from libs.core.serve import serve
    from services.conversion.app import create_app
    from services.conversion.container import ConversionContainer

    serve("conversion", settings, lambda: create_app(ConversionContainer(settings=settings)))


if __name__ == "__main__":
    main()
