"""The wiring of the janitor: the only place that names its adapters."""

from dependency_injector import containers, providers

from libs.core.adapters.aws.inbox import SqsInbox
from libs.core.wiring import AwsContainer
from services.janitor import inbox_consumer, sweep, use_cases
from services.janitor.settings import JanitorSettings


class JanitorContainer(containers.DeclarativeContainer):
    """Use cases on the adapters of `aws`; tests override the adapters by memory ones."""

    settings: providers.Dependency[JanitorSettings] = providers.Dependency()
    aws = providers.Container(AwsContainer, settings=settings)

    items = aws.expired_items
    conversions = aws.conversions
    objects = aws.objects
    multipart = aws.multipart
    inbox = providers.Singleton(
        SqsInbox, aws.sqs, settings.provided.janitor_inbox_url, settings.provided.janitor_visibility
    )

    erase = providers.Factory(use_cases.DeleteObjects, objects, multipart)
    clear_away = providers.Factory(use_cases.DeleteItemObjects, items, erase)
    handle_message = providers.Factory(use_cases.HandleMessage, items, clear_away)
    leftovers = providers.Factory(
        sweep.DeleteOrphans,
        items,
        conversions,
        objects,
        multipart,
        erase,
        settings.provided.sweep_grace,
    )
    sweep_once = providers.Factory(
        sweep.SweepExpired, items, erase, leftovers, settings.provided.sweep_limit
    )

    inbox_loop = providers.Factory(
        inbox_consumer.InboxLoop,
        inbox,
        handle_message,
        visibility=settings.provided.janitor_visibility,
    )
    checks = providers.Dict(
        S3=aws.s3_check,
        DynamoDB=aws.dynamodb_check,
        SQS=providers.Callable(aws.inbox_check, settings.provided.janitor_inbox_url),
    )
