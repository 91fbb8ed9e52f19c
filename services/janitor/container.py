"""Build the janitor from its parts; nothing else in it names adapters."""

import secrets
from concurrent.futures import ThreadPoolExecutor

from dependency_injector import containers, providers

from libs.core.adapters.aws.inbox import SqsInbox
from libs.core.metrics import EmbeddedMetrics
from libs.core.wiring import AwsContainer
from services.janitor.backlog_report import ReportBacklog
from services.janitor.deletion import DeleteObjects
from services.janitor.inbox_consumer import ConsumeInbox
from services.janitor.orphans import DeleteOrphans
from services.janitor.settings import JanitorSettings
from services.janitor.sweep import Sweep
from services.janitor.sweep_timer import SweepWhenDue
from services.janitor.use_cases import HandleMessages

THREADS = 16
"""Calls at once to S3 and DynamoDB that have no batch form."""


class JanitorContainer(containers.DeclarativeContainer):
    """Build use cases on the adapters of `aws`, which tests override."""

    settings: providers.Dependency[JanitorSettings] = providers.Dependency()
    aws = providers.Container(AwsContainer, settings=settings)

    items = aws.expired_items
    objects = aws.objects
    multipart = aws.multipart
    queue = aws.queue
    named_leases = aws.named_leases
    metrics = providers.Singleton(EmbeddedMetrics, settings.provided.table)
    inbox = providers.Singleton(
        SqsInbox, aws.sqs, settings.provided.janitor_inbox_url, settings.provided.janitor_visibility
    )
    executor = providers.Singleton(ThreadPoolExecutor, THREADS, "janitor")

    delete_objects = providers.Factory(DeleteObjects, items, objects, multipart, executor)
    handle_messages = providers.Factory(HandleMessages, items, delete_objects, executor)
    delete_orphans = providers.Factory(
        DeleteOrphans,
        items,
        objects,
        multipart,
        delete_objects,
        settings.provided.sweep_grace,
        clock=aws.clock,
    )
    sweep_once = providers.Factory(
        Sweep,
        items,
        delete_orphans,
        executor,
        settings.provided.sweep_limit,
        metrics,
        clock=aws.clock,
    )
    sweep_when_due = providers.Singleton(
        SweepWhenDue,
        sweep_once,
        named_leases,
        providers.Callable(secrets.token_hex, 8),
        settings.provided.sweep_every,
        settings.provided.sweep_limit,
    )
    report_backlog = providers.Singleton(ReportBacklog, queue, metrics)

    consume_inbox = providers.Factory(ConsumeInbox, inbox, handle_messages)
    checks = providers.Dict(
        S3=aws.s3_check,
        DynamoDB=aws.dynamodb_check,
        SQS=providers.Callable(aws.inbox_check, settings.provided.janitor_inbox_url),
    )
