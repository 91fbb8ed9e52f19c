"""What the services tell each other: by S3 events and by the table's stream, at least once and in any order."""

from dataclasses import dataclass

from libs.core.domain.progress import Thing


@dataclass(frozen=True)
class FileArrived:
    """S3 says: the bytes of this upload are complete."""

    upload_id: str


@dataclass(frozen=True)
class ConversionQueued:
    """The stream says: this conversion may start."""

    conversion_id: str


@dataclass(frozen=True)
class ThingRemoved:
    """The stream says: this item is gone from the table, by whoever's hand; `thing` is as it last was."""

    thing: Thing
    expired: bool
    """True where DynamoDB's own TTL removed it."""


Event = FileArrived | ConversionQueued | ThingRemoved


@dataclass(frozen=True)
class Change:
    """One change of one item, as the stream shows it: `now` is None when the item is gone."""

    before: Thing | None
    now: Thing | None

    @property
    def thing(self) -> Thing:
        """The item as it last was known."""
        thing = self.now or self.before
        assert thing is not None, "a stream record has at least one image"
        return thing
