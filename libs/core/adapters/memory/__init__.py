"""Every port in memory: for tests and trials. They pass the same contract suite as the adapters for AWS."""

from libs.core.adapters.memory.changes import MemoryChangeFeed, MemoryProgressReader
from libs.core.adapters.memory.conversions import MemoryConversionStore, MemoryQueue
from libs.core.adapters.memory.inbox import MemoryInbox
from libs.core.adapters.memory.leases import MemoryConversionLeases
from libs.core.adapters.memory.lifecycle import MemoryExpiredThings
from libs.core.adapters.memory.objects import MemoryBucket, MemoryMultipartUploads, MemoryObjectStore, MemoryUrlSigner
from libs.core.adapters.memory.table import MemoryTable
from libs.core.adapters.memory.uploads import MemoryUploadStore

__all__ = [
    "MemoryBucket",
    "MemoryChangeFeed",
    "MemoryConversionLeases",
    "MemoryConversionStore",
    "MemoryExpiredThings",
    "MemoryInbox",
    "MemoryMultipartUploads",
    "MemoryObjectStore",
    "MemoryProgressReader",
    "MemoryQueue",
    "MemoryTable",
    "MemoryUploadStore",
    "MemoryUrlSigner",
]
