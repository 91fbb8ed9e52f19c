"""Define what the services tell each other: S3 events and changes of the table.

Both are delivered at least once. Events come in any order, the changes of one item in order.
"""

from dataclasses import dataclass

from libs.core.domain.progress import Item, StoredItem


@dataclass(frozen=True)
class FileUploaded:
    """Report that S3 has all bytes of an upload."""

    upload_id: str


@dataclass(frozen=True)
class ConversionQueued:
    """Report that a conversion may start."""

    conversion_id: str


@dataclass(frozen=True)
class ItemRemoved:
    """Report that an item is gone from the table; `item` is its last state."""

    item: StoredItem
    expired: bool
    """True if DynamoDB's TTL removed it, False if one of the services did."""


Event = FileUploaded | ConversionQueued | ItemRemoved


@dataclass(frozen=True)
class Change:
    """Describe one write of an item.

    `before` is None for a new item and if the old image cannot be read, `after` for a removed one.
    """

    before: Item | None
    after: Item | None

    @property
    def item(self) -> Item:
        """Return the last known state of the item."""
        item = self.after or self.before
        assert item is not None, "a stream record has at least one image"
        return item
