"""Build the application of the conversion service on an environment in memory."""

from typing import Any

from dependency_injector import providers

from libs.core.adapters.memory import MemoryQuotas, MemoryRevokedSessions, MemoryUrlSigner
from services.conversion.container import ConversionContainer
from services.conversion.settings import ConversionSettings
from tests.conversion.support import ConversionEnvironment, FakeEngine

SECRET = "a secret of the tests, long enough"


def a_container(slots: int, **settings: Any) -> ConversionContainer:
    """Return the service's own container, still without an environment."""
    given: dict[str, Any] = {
        "bucket": "bucket",
        "table": "table",
        "session_secret": SECRET,
        "AWS_REGION": "eu-central-1",
        "conversion_inbox_url": "http://queue.invalid",
        "slots": slots,
        "secure_cookies": False,
    }
    container = ConversionContainer(settings=ConversionSettings(**given | settings))
    container.signer.override(providers.Object(MemoryUrlSigner()))
    container.engine.override(providers.Object(FakeEngine()))
    container.revoked_sessions.override(providers.Object(MemoryRevokedSessions()))
    container.quotas.override(providers.Object(MemoryQuotas()))
    return container


def use_environment(container: ConversionContainer, env: ConversionEnvironment) -> None:
    """Put an environment behind an application, in place of another test's.

    Building an application takes far longer than any of its answers.
    """
    for name in ("uploads", "conversions", "leases", "queue", "objects", "multipart", "inbox"):
        getattr(container, name).override(providers.Object(getattr(env, name)))
    container.worker.reset()
