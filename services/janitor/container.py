"""Build the janitor from its parts; nothing else in it names adapters."""

from dependency_injector import containers, providers

from libs.core.adapters.aws.inbox import SqsInbox
from libs.core.wiring import AwsContainer
from services.janitor import inbox_consumer, sweep, use_cases
from services.janitor.settings import JanitorSettings


class JanitorContainer(containers.DeclarativeContainer):
    """Build use cases on the adapters of `aws`, which tests override."""

    settings: providers.Dependency[JanitorSettings] = providers.Dependency()
    aws = providers.Container(AwsContainer, settings=settings)

    items = aws.expired_items
    conversions = aws.conversions
    objects = aws.objects
    multipart = aws.multipart
    inbox = providers.Singleton(
        SqsInbox, aws.sqs, settings.provided.janitor_inbox_url, settings.provided.janitor_visibility
    )

    delete_objects = providers.Factory(use_cases.DeleteObjects, objects, multipart)
    delete_item_objects = providers.Factory(use_cases.DeleteItemObjects, items, delete_objects)
    handle_message = providers.Factory(use_cases.HandleMessage, items, delete_item_objects)
    delete_orphans = providers.Factory(
        sweep.DeleteOrphans,
        items,
        conversions,
        objects,
        multipart,
        delete_objects,
        settings.provided.sweep_grace,
    )
    sweep_once = providers.Factory(
        sweep.Sweep, items, delete_objects, delete_orphans, settings.provided.sweep_limit
    )

    consume_inbox = providers.Factory(
        inbox_consumer.ConsumeInbox,
        inbox,
        handle_message,
        visibility=settings.provided.janitor_visibility,
    )
    checks = providers.Dict(
        S3=aws.s3_check,
        DynamoDB=aws.dynamodb_check,
        SQS=providers.Callable(aws.inbox_check, settings.provided.janitor_inbox_url),
    )
