"""Build the conversion service from its parts; nothing else in it names adapters."""

import secrets

import imageio_ffmpeg
from dependency_injector import containers, providers

from libs.core.adapters.aws.inbox import SqsInbox
from libs.core.adapters.aws.task_protection import EcsTaskProtection
from libs.core.rate_limiter import RateLimiter
from libs.core.wiring import AwsContainer
from services.conversion import use_cases
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.pipeline.limits import Limits
from services.conversion.settings import WorkerSettings
from services.conversion.worker.attempt import RunConversion
from services.conversion.worker.loop import Worker
from services.conversion.worker.scale_in_protection import ProtectWhileConverting
from services.conversion.worker.scheduling import (
    CheckAwaitedUploads,
    ChooseNextConversion,
    MarkUploaded,
)
from services.conversion.worker.version_watch import VersionWatch

MAX_EVENT_DELAY = 120
"""Seconds that an S3 event may take before S3 is asked about its upload."""


def _program(ffmpeg: str | None) -> str:
    """Return the FFmpeg that the setting names, or the packaged one."""
    return ffmpeg or str(imageio_ffmpeg.get_ffmpeg_exe())


class ConversionContainer(containers.DeclarativeContainer):
    """Build use cases and the worker on the adapters of `aws`, which tests override.

    The use cases need `ConversionSettings`. `WorkerSettings` are enough for the worker.
    """

    settings: providers.Dependency[WorkerSettings] = providers.Dependency()
    aws = providers.Container(AwsContainer, settings=settings)

    uploads = aws.uploads
    conversions = aws.conversions
    leases = aws.leases
    queue = aws.queue
    objects = aws.objects
    multipart = aws.multipart
    signer = aws.signer
    revoked_sessions = aws.revoked_sessions
    quotas = aws.quotas
    rate_limiter = providers.Singleton(RateLimiter, quotas, settings.provided.quota_limits)
    inbox = providers.Singleton(
        SqsInbox, aws.sqs, settings.provided.conversion_inbox_url, settings.provided.lease
    )
    limits = providers.Factory(Limits, max_duration=settings.provided.max_duration)
    engine = providers.Singleton(
        FfmpegEngine, providers.Callable(_program, settings.provided.ffmpeg), limits
    )

    show_conversion = providers.Factory(use_cases.ShowConversion, conversions, queue)
    list_conversions = providers.Factory(use_cases.ListConversions, conversions)
    cancel_conversion = providers.Factory(use_cases.CancelConversion, conversions)
    delete_conversion = providers.Factory(use_cases.DeleteConversion, conversions)
    download_conversion = providers.Factory(
        use_cases.DownloadConversion,
        conversions,
        objects,
        signer,
        settings.provided.download_lifetime,
        clock=aws.clock,
    )

    worker_name = providers.Singleton(secrets.token_hex, 8)
    mark_uploaded = providers.Factory(MarkUploaded, uploads, conversions, objects)
    run = providers.Factory(
        RunConversion,
        uploads,
        conversions,
        leases,
        objects,
        multipart,
        engine,
        worker_name,
        settings.provided.lease,
    )
    worker = providers.Singleton(
        Worker,
        inbox,
        run,
        providers.Factory(
            ChooseNextConversion,
            queue,
            providers.Factory(VersionWatch),
            settings.provided.lease,
        ),
        mark_uploaded,
        providers.Factory(
            CheckAwaitedUploads,
            queue,
            mark_uploaded,
            providers.Factory(VersionWatch),
            MAX_EVENT_DELAY,
            clock=aws.clock,
        ),
        settings.provided.slots,
        settings.provided.lease,
        settings.provided.drain,
    )
    protect_task = providers.Singleton(
        ProtectWhileConverting,
        providers.Factory(EcsTaskProtection, settings.provided.ecs_agent_uri),
        worker.provided.is_busy,
    )
    request_conversion = providers.Factory(
        use_cases.RequestConversion,
        uploads,
        conversions,
        settings.provided.lifetime,
        worker.provided.wake,
        clock=aws.clock,
    )
    checks = providers.Dict(
        S3=aws.s3_check,
        DynamoDB=aws.dynamodb_check,
        SQS=providers.Callable(aws.inbox_check, settings.provided.conversion_inbox_url),
    )
