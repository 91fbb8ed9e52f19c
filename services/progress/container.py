"""The wiring of the progress service: the only place that names its adapters."""

import anyio
from dependency_injector import containers, providers

from libs.core.wiring import AwsContainer
from services.progress import event_stream, use_cases
from services.progress.broadcaster import Broadcaster, OpenEventStream, StreamLimits
from services.progress.settings import ProgressSettings

READERS = 16
"""Threads that all streams together read in; polls have threads of their own."""


class ProgressContainer(containers.DeclarativeContainer):
    """Use cases and the hub on the adapters of `aws`; tests override the adapters by memory ones."""

    settings: providers.Dependency[ProgressSettings] = providers.Dependency()
    aws = providers.Container(AwsContainer, settings=settings)

    progress = aws.progress
    change_feed = aws.change_feed
    feed = providers.Selector(
        settings.provided.progress_feed, stream=change_feed, poll=providers.Object(None)
    )

    room = providers.Factory(
        StreamLimits,
        per_session=settings.provided.streams_per_session,
        in_all=settings.provided.streams_per_instance,
    )
    pace = providers.Factory(
        event_stream.PollSchedule,
        heartbeat=settings.provided.heartbeat,
        poll=settings.provided.poll_every,
    )
    readers = providers.Singleton(anyio.CapacityLimiter, READERS)
    hub = providers.Singleton(Broadcaster, feed, room)

    read_progress = providers.Factory(use_cases.ReadProgress, progress)
    open_stream = providers.Factory(OpenEventStream, hub, progress, readers, pace)

    checks = providers.Dict(DynamoDB=aws.dynamodb_check)
