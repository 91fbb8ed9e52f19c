"""Choose the adapters of the upload service. No other module of it names them."""

from dependency_injector import containers, providers

from libs.core.rate_limiter import RateLimiter
from libs.core.wiring import AwsContainer
from services.upload import parts, use_cases
from services.upload.companion import parts as companion_parts
from services.upload.companion.complete import CompleteCompanionUpload
from services.upload.companion.count_bytes import CheckStoredBytes, CountBytes
from services.upload.companion.form import StartFormUpload
from services.upload.copy_slots import CopySlots
from services.upload.part_slots import PartSlots
from services.upload.reconcile import ReconcileUpload
from services.upload.reuse import ReuseUpload
from services.upload.schemas import UploadLimitsSchema
from services.upload.settings import UploadSettings
from services.upload.start_upload import StartUpload
from services.upload.tus.append import AppendToUpload
from services.upload.tus.create import CreateTusUpload
from services.upload.tus.join import JoinUploads


class UploadContainer(containers.DeclarativeContainer):
    """Build the use cases on AWS adapters. Tests replace the adapters with memory ones."""

    settings: providers.Dependency[UploadSettings] = providers.Dependency()
    aws = providers.Container(AwsContainer, settings=settings)

    uploads = aws.uploads
    resumable_uploads = aws.resumable_uploads
    conversions = aws.conversions
    multipart = aws.multipart
    objects = aws.objects
    signer = aws.signer
    revoked_sessions = aws.revoked_sessions
    quotas = aws.quotas
    rate_limiter = providers.Singleton(RateLimiter, quotas, settings.provided.quota_limits)

    reconcile = providers.Factory(ReconcileUpload, uploads, conversions, multipart, objects)
    start_upload = providers.Factory(
        StartUpload,
        uploads,
        multipart,
        settings.provided.max_file_size,
        settings.provided.lifetime,
        clock=aws.clock,
    )
    copy_slots = providers.Singleton(CopySlots)
    reuse_upload = providers.Factory(ReuseUpload, uploads, multipart, reconcile, copy_slots)
    show_upload = providers.Factory(use_cases.ShowUpload, uploads, reconcile)
    list_uploads = providers.Factory(use_cases.ListUploads, uploads)
    public_url = settings.provided.public_url
    upload_limits = providers.Factory(
        UploadLimitsSchema,
        max_file_size=settings.provided.max_file_size,
        lifetime=settings.provided.lifetime,
    )
    sign_parts = providers.Factory(
        parts.SignParts, uploads, signer, settings.provided.sign_lifetime, clock=aws.clock
    )
    validate_part = providers.Factory(parts.ValidatePart, uploads)
    store_part = providers.Factory(parts.StorePart, uploads, multipart, reconcile)
    report_parts = providers.Factory(parts.ReportParts, uploads, reconcile)
    complete_upload = providers.Factory(use_cases.CompleteUpload, uploads, multipart, reconcile)
    count_bytes = providers.Factory(CountBytes, uploads)
    check_stored_bytes = providers.Factory(
        CheckStoredBytes, multipart, count_bytes, settings.provided.max_file_size
    )
    find_multipart = providers.Factory(companion_parts.FindMultipart, uploads)
    sign_companion_parts = providers.Factory(
        companion_parts.SignCompanionParts,
        find_multipart,
        signer,
        check_stored_bytes,
        settings.provided.max_file_size,
        settings.provided.sign_lifetime,
        clock=aws.clock,
    )
    list_companion_parts = providers.Factory(
        companion_parts.ListCompanionParts, find_multipart, uploads, multipart, reconcile
    )
    complete_companion_upload = providers.Factory(
        CompleteCompanionUpload,
        find_multipart,
        multipart,
        reconcile,
        count_bytes,
        settings.provided.max_file_size,
    )
    start_form_upload = providers.Factory(
        StartFormUpload,
        start_upload,
        signer,
        settings.provided.max_file_size,
        settings.provided.sign_lifetime,
    )
    create_tus_upload = providers.Factory(CreateTusUpload, start_upload)
    append_to_upload = providers.Factory(
        AppendToUpload,
        uploads,
        resumable_uploads,
        multipart,
        objects,
        complete_upload,
        reconcile,
        settings.provided.max_file_size,
    )
    delete_upload = providers.Factory(use_cases.DeleteUpload, uploads, conversions)
    join_uploads = providers.Factory(
        JoinUploads,
        uploads,
        multipart,
        objects,
        create_tus_upload,
        reconcile,
        copy_slots,
    )

    part_slots = providers.Singleton(PartSlots, settings.provided.max_parts_in_memory)
    checks = providers.Dict(S3=aws.s3_check, DynamoDB=aws.dynamodb_check)
