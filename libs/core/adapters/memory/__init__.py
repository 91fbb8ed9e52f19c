"""Implement the ports in memory, for tests.

The adapters pass the same contract suite as those for AWS.
"""

from libs.core.adapters.memory.bucket import MemoryBucket
from libs.core.adapters.memory.change_feed import MemoryChangeFeed
from libs.core.adapters.memory.conversion_queue import MemoryConversionQueue
from libs.core.adapters.memory.conversions import MemoryConversionStore
from libs.core.adapters.memory.expired_items import MemoryExpiredItems
from libs.core.adapters.memory.inbox import MemoryInbox
from libs.core.adapters.memory.leases import MemoryConversionLeases
from libs.core.adapters.memory.multipart_uploads import MemoryMultipartUploads
from libs.core.adapters.memory.named_leases import MemoryNamedLeases
from libs.core.adapters.memory.objects import MemoryObjectStore
from libs.core.adapters.memory.progress_reader import MemoryProgressReader
from libs.core.adapters.memory.quotas import MemoryQuotas
from libs.core.adapters.memory.resumable_uploads import MemoryResumableUploads
from libs.core.adapters.memory.revoked_sessions import MemoryRevokedSessions
from libs.core.adapters.memory.table import MemoryTable
from libs.core.adapters.memory.task_protection import MemoryTaskProtection
from libs.core.adapters.memory.uploads import MemoryUploadStore
from libs.core.adapters.memory.url_signer import MemoryUrlSigner

__all__ = [
    "MemoryBucket",
    "MemoryChangeFeed",
    "MemoryConversionLeases",
    "MemoryConversionQueue",
    "MemoryConversionStore",
    "MemoryExpiredItems",
    "MemoryInbox",
    "MemoryMultipartUploads",
    "MemoryNamedLeases",
    "MemoryObjectStore",
    "MemoryProgressReader",
    "MemoryQuotas",
    "MemoryResumableUploads",
    "MemoryRevokedSessions",
    "MemoryTable",
    "MemoryTaskProtection",
    "MemoryUploadStore",
    "MemoryUrlSigner",
]
