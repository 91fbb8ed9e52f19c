"""Provide what all services share: AWS clients, and the adapters that use them."""

from dependency_injector import containers, providers

from libs.core.adapters.aws import clients
from libs.core.adapters.aws.change_feed import DynamoDbChangeFeed
from libs.core.adapters.aws.clock import CLOCK
from libs.core.adapters.aws.conversion_queue import DynamoDbConversionQueue
from libs.core.adapters.aws.conversions import DynamoDbConversionStore
from libs.core.adapters.aws.dynamodb.stream import StreamReader
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.expired_items import DynamoDbExpiredItems
from libs.core.adapters.aws.health import dynamodb_check, s3_check, sqs_check
from libs.core.adapters.aws.leases import DynamoDbConversionLeases
from libs.core.adapters.aws.multipart_uploads import S3MultipartUploads
from libs.core.adapters.aws.named_leases import DynamoDbNamedLeases
from libs.core.adapters.aws.objects import S3ObjectStore
from libs.core.adapters.aws.progress_reader import DynamoDbProgressReader
from libs.core.adapters.aws.quotas import DynamoDbQuotas
from libs.core.adapters.aws.resumable_uploads import DynamoDbResumableUploads
from libs.core.adapters.aws.revoked_sessions import DynamoDbRevokedSessions
from libs.core.adapters.aws.uploads import DynamoDbUploadStore
from libs.core.adapters.aws.url_signer import S3UrlSigner
from libs.core.settings import Settings


class AwsContainer(containers.DeclarativeContainer):
    """Provide every AWS adapter, on one client of each kind per process."""

    settings: providers.Dependency[Settings] = providers.Dependency()

    session = providers.Singleton(clients.aws_session, settings.provided.aws_region)
    dynamodb = providers.Singleton(clients.dynamodb_client, session)
    streams = providers.Singleton(
        clients.streams_client, session, endpoint=settings.provided.streams_endpoint
    )
    sqs = providers.Singleton(clients.sqs_client, session)
    s3 = providers.Singleton(
        clients.s3_client,
        session,
        path_style=settings.provided.path_style,
        timeouts=clients.S3_TIMEOUTS,
    )
    s3_transfer = providers.Singleton(
        clients.s3_client,
        session,
        path_style=settings.provided.path_style,
        timeouts=clients.S3_TRANSFER_TIMEOUTS,
    )
    public_s3 = providers.Singleton(
        clients.s3_client,
        session,
        path_style=settings.provided.path_style,
        endpoint=settings.provided.public_s3_endpoint,
    )

    clock = providers.Object(CLOCK.time)
    table = providers.Singleton(Table, dynamodb, settings.provided.table, clock)
    uploads = providers.Singleton(DynamoDbUploadStore, table)
    resumable_uploads = providers.Singleton(DynamoDbResumableUploads, table)
    conversions = providers.Singleton(DynamoDbConversionStore, table)
    queue = providers.Singleton(DynamoDbConversionQueue, table, max_age=0.2, remembered=5.0)
    leases = providers.Singleton(DynamoDbConversionLeases, table)
    expired_items = providers.Singleton(DynamoDbExpiredItems, table)
    named_leases = providers.Singleton(DynamoDbNamedLeases, table)
    progress = providers.Singleton(DynamoDbProgressReader, table, queue)
    revoked_sessions = providers.Singleton(
        DynamoDbRevokedSessions, dynamodb, settings.provided.table, clock
    )
    quotas = providers.Singleton(DynamoDbQuotas, dynamodb, settings.provided.table, clock)

    objects = providers.Singleton(S3ObjectStore, s3, settings.provided.bucket, s3_transfer)
    multipart = providers.Singleton(S3MultipartUploads, s3, settings.provided.bucket, s3_transfer)
    signer = providers.Singleton(
        S3UrlSigner,
        public_s3,
        settings.provided.bucket,
        session.provided.get_credentials.call(),
        clock,
    )

    stream_reader = providers.Factory(StreamReader, streams, dynamodb, settings.provided.table)
    change_feed = providers.Factory(DynamoDbChangeFeed, stream_reader)

    clock_skew = providers.Object(CLOCK.get_skew)

    s3_health_client = providers.Singleton(
        clients.s3_client,
        session,
        path_style=settings.provided.path_style,
        timeouts=clients.HEALTH_CHECK_TIMEOUTS,
    )
    dynamodb_health_client = providers.Singleton(
        clients.dynamodb_client, session, clients.HEALTH_CHECK_TIMEOUTS
    )
    sqs_health_client = providers.Singleton(
        clients.sqs_client, session, clients.HEALTH_CHECK_TIMEOUTS
    )
    s3_check = providers.Factory(s3_check, s3_health_client, settings.provided.bucket)
    dynamodb_check = providers.Factory(
        dynamodb_check, dynamodb_health_client, settings.provided.table
    )
    inbox_check = providers.Factory(sqs_check, sqs_health_client)
