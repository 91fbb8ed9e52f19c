"""Serve each service over HTTP, with memory adapters and the seeds behind it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from dependency_injector import providers
from litestar import Litestar

from libs.core.adapters import memory
from libs.core.web.session_tokens import SessionTokens
from services.conversion.app import create_app as create_conversion
from services.conversion.container import ConversionContainer
from services.conversion.settings import ConversionSettings
from services.janitor.app import create_app as create_janitor
from services.janitor.container import JanitorContainer
from services.janitor.settings import JanitorSettings
from services.progress.app import create_app as create_progress
from services.progress.container import ProgressContainer
from services.progress.settings import ProgressSettings
from services.upload.app import create_app as create_upload
from services.upload.container import UploadContainer
from services.upload.settings import UploadSettings
from tests.api.seeds import OWNER, Seeds
from tests.conversion.support import FakeEngine
from tests.http_server import serving

SECRET = "a secret of the tests, long enough"
JANITOR_TOKEN = "the janitor's own token"
SETTINGS: dict[str, Any] = {
    "bucket": "bucket",
    "table": "table",
    "session_secret": SECRET,
    "AWS_REGION": "eu-central-1",
    "secure_cookies": False,
}
UNLIMITED: dict[str, Any] = {
    "uploads_per_hour": 10**9,
    "upload_bytes_per_hour": 10**18,
    "conversions_per_hour": 10**9,
    "conversions_per_day": 10**9,
    "urls_per_minute": 10**9,
    "sessions_per_hour": 10**9,
}
"""Limits that a run of many thousand requests does not reach."""


def upload_app(seeds: Seeds) -> Litestar:
    """Return the upload service on these seeds."""
    container = UploadContainer(settings=UploadSettings(**SETTINGS, **UNLIMITED))
    replace_adapters(container, seeds)
    return create_upload(container)


def conversion_app(seeds: Seeds) -> Litestar:
    """Return the conversion service on these seeds. Its worker has no slots."""
    settings = ConversionSettings(
        **SETTINGS, **UNLIMITED, conversion_inbox_url="http://queue.invalid", slots=0
    )
    container = ConversionContainer(settings=settings)
    container.engine.override(providers.Object(FakeEngine()))
    replace_adapters(container, seeds)
    return create_conversion(container)


def progress_app(seeds: Seeds) -> Litestar:
    """Return the progress service on these seeds. Its streams end soon."""
    settings = ProgressSettings(**SETTINGS, **UNLIMITED, stream_lifetime=0.05)
    container = ProgressContainer(settings=settings)
    replace_adapters(container, seeds)
    return create_progress(container)


def janitor_app(seeds: Seeds) -> Litestar:
    """Return the janitor on these seeds."""
    settings = JanitorSettings(
        **SETTINGS,
        janitor_inbox_url="http://queue.invalid",
        janitor_token=JANITOR_TOKEN,
        sweep_every=0,
    )
    container = JanitorContainer(settings=settings)
    replace_adapters(container, seeds)
    return create_janitor(container)


SERVICES: dict[str, Callable[[Seeds], Litestar]] = {
    "upload": upload_app,
    "conversion": conversion_app,
    "progress": progress_app,
    "janitor": janitor_app,
}


class NoRevokedSessions(memory.MemoryRevokedSessions):
    """Forget every revocation, so that the session of the tests lasts."""

    def is_revoked(self, session_id: str) -> bool:
        return False


def replace_adapters(container: Any, seeds: Seeds) -> None:
    """Put memory adapters in place of those for AWS."""
    table, bucket = seeds.table, seeds.bucket
    adapters = {
        "uploads": memory.MemoryUploadStore(table),
        "conversions": memory.MemoryConversionStore(table),
        "leases": memory.MemoryConversionLeases(table),
        "queue": memory.MemoryConversionQueue(table),
        "items": memory.MemoryExpiredItems(table),
        "progress": memory.MemoryProgressReader(table),
        "change_feed": memory.MemoryChangeFeed(table),
        "named_leases": memory.MemoryNamedLeases(),
        "objects": memory.MemoryObjectStore(bucket),
        "multipart": memory.MemoryMultipartUploads(bucket),
        "signer": memory.MemoryUrlSigner(),
        "revoked_sessions": NoRevokedSessions(),
        "quotas": memory.MemoryQuotas(),
        "inbox": memory.MemoryInbox(visibility=30),
        "checks": {"S3": lambda: None},
    }
    for name, adapter in adapters.items():
        if hasattr(container, name):
            getattr(container, name).override(providers.Object(adapter))


@contextmanager
def serve(name: str) -> Iterator[str]:
    """Serve a service on a port of its own, and yield its URL."""
    seeds = Seeds()
    app = SERVICES[name](seeds)
    with serving(seeds.around(cast(Any, app))) as port:
        yield f"http://127.0.0.1:{port}"


def token_for(name: str) -> str:
    """Return the bearer token that a service takes: the owner's, or the janitor's own."""
    if name == "janitor":
        return JANITOR_TOKEN
    return SessionTokens(SECRET).issue(OWNER)
