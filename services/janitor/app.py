"""Build the janitor's application, with the threads that work beside its requests."""

from litestar import Litestar

from libs.core.background import retry_forever, run_in_background, run_periodically
from libs.core.web.app import service_app
from services.janitor.container import JanitorContainer
from services.janitor.routes import sweep_route

CONSUMERS = 2
"""Threads that receive messages: one receives while the other deletes objects."""

BACKLOG_EVERY = 60.0
"""Seconds between two reports of the backlog. An alarm looks at minutes."""


def create_app(container: JanitorContainer) -> Litestar:
    """Return the application on what this container wires."""
    settings = container.settings()
    work = [retry_forever(container.consume_inbox()) for _ in range(CONSUMERS)]
    work.append(run_periodically(BACKLOG_EVERY, container.report_backlog()))
    if settings.sweep_every:
        work.append(run_periodically(settings.sweep_every, container.sweep_when_due()))
    return service_app(
        "janitor",
        settings,
        [sweep_route(settings.janitor_token.get_secret_value())],
        {"sweep_once": container.sweep_once},
        container.checks(),
        clock_skew=container.aws.clock_skew(),
        lifespan=[run_in_background("janitor", *work)],
    )
