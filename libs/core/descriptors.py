"""Let a server have many connections, and keep descriptors for its other work."""

import resource

MAX_DESCRIPTORS = 10_240
"""Files and connections that a process may have. macOS accepts no more, where the system has no
limit of its own. The usual limit of 1,024 is used up by one client's connections."""

RESERVED = 256
"""Descriptors that connections do not take: S3, DynamoDB, SQS, memory files and sandboxes need
them, and a server that has none left accepts in a loop."""


def raise_descriptor_limit() -> None:
    """Allow more open files and connections than the usual 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def max_connections() -> int:
    """Return how many connections a server may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MAX_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    return max(limit - RESERVED, limit // 2)
