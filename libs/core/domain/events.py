"""What the services tell each other: by S3 events and by the table's stream, at least once and in any order."""

from dataclasses import dataclass

from libs.core.domain.progress import Item


@dataclass(frozen=True)
class FileUploaded:
    """S3 says: the bytes of this upload are complete."""

    upload_id: str


@dataclass(frozen=True)
class ConversionQueued:
    """The stream says: this conversion may start."""

    conversion_id: str


@dataclass(frozen=True)
class ItemRemoved:
    """The stream says: this item is gone from the table, by whoever's hand; `item` is as it last was."""

    item: Item
    expired: bool
    """True where DynamoDB's own TTL removed it."""


Event = FileUploaded | ConversionQueued | ItemRemoved


@dataclass(frozen=True)
class Change:
    """One change of one item, as the stream shows it: `now` is None when the item is gone."""

    before: Item | None
    now: Item | None

    @property
    def item(self) -> Item:
        """The item as it last was known."""
        item = self.now or self.before
        assert item is not None, "a stream record has at least one image"
        return item
