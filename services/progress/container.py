"""Choose the adapters of the progress service. No other module of it names them."""

import secrets

from dependency_injector import containers, providers

from libs.core.rate_limiter import RateLimiter
from libs.core.wiring import AwsContainer
from services.progress import follow_progress, use_cases
from services.progress.broadcaster import Broadcaster, StreamLimits
from services.progress.leased_feed import LeasedChangeFeed
from services.progress.open_stream import OpenEventStream
from services.progress.reader_threads import ReaderThreads
from services.progress.settings import ProgressSettings

READER_THREADS = 16
"""Threads in which all streams together read the table. Polls have threads of their own."""

READERS_PER_ADDRESS = 4
"""Threads in which the streams of one client address read at the same time."""


class ProgressContainer(containers.DeclarativeContainer):
    """Build the use cases on AWS adapters. Tests replace the adapters with memory ones."""

    settings: providers.Dependency[ProgressSettings] = providers.Dependency()
    aws = providers.Container(AwsContainer, settings=settings)

    progress = aws.progress
    change_feed = aws.change_feed
    named_leases = aws.named_leases
    revoked_sessions = aws.revoked_sessions
    quotas = aws.quotas
    rate_limiter = providers.Singleton(RateLimiter, quotas, settings.provided.quota_limits)
    leased_feed = providers.Factory(
        LeasedChangeFeed,
        change_feed.provider,
        named_leases,
        providers.Callable(secrets.token_hex, 8),
    )
    feed = providers.Selector(
        settings.provided.progress_feed, stream=leased_feed, poll=providers.Object(None)
    )

    stream_limits = providers.Factory(
        StreamLimits,
        per_session=settings.provided.streams_per_session,
        per_address=settings.provided.streams_per_address,
        per_instance=settings.provided.streams_per_instance,
    )
    poll_schedule = providers.Factory(
        follow_progress.PollSchedule,
        keep_alive=settings.provided.keep_alive,
        poll=settings.provided.poll_every,
    )
    readers = providers.Singleton(ReaderThreads, READER_THREADS, READERS_PER_ADDRESS)
    broadcaster = providers.Singleton(Broadcaster, feed, stream_limits)

    read_progress = providers.Factory(use_cases.ReadProgress, progress)
    open_stream = providers.Factory(
        OpenEventStream, broadcaster, progress, readers, poll_schedule, revoked_sessions
    )

    checks = providers.Dict(DynamoDB=aws.dynamodb_check)
