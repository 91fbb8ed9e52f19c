"""Delete what removed items leave behind."""

from collections.abc import Sequence
from concurrent.futures import Executor

import structlog

from libs.core.domain.events import ItemRemoved
from libs.core.domain.progress import StoredItem
from libs.core.domain.uploads import Upload
from libs.core.errors import CoreError
from libs.core.ports.expired_items import ExpiredItems
from libs.core.ports.inbox import Message
from services.janitor.deletion import DeleteObjects, run_all

log = structlog.get_logger(__name__)


class HandleMessages:
    """Delete what belongs to the removed items of some messages, all of them at once.

    A message may come again, and late. The conversions of an upload are removed with it; their own
    REMOVE records bring the deletion of what they wrote.
    """

    def __init__(
        self, items: ExpiredItems, delete_objects: DeleteObjects, executor: Executor
    ) -> None:
        self._items = items
        self._delete_objects = delete_objects
        self._executor = executor

    def __call__(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return the messages that are done; the others are to be handled again.

        Raises StorageUnavailable if the table does not answer: then nothing was deleted.
        """
        events = {
            event.item.id: event
            for message in messages
            for event in message.events
            if isinstance(event, ItemRemoved)
        }
        existing = self._items.read_many(list(events))
        for item_id in existing:
            # An old record was delivered again: the id has an item, and its objects must stay.
            log.warning("deletion.refused", item=item_id, reason="an item of this id exists")
        gone = [event.item for item_id, event in events.items() if item_id not in existing]
        failed = self._delete(gone)
        return [message for message in messages if not failed & _ids_in(message)]

    def _delete(self, gone: Sequence[StoredItem]) -> set[str]:
        """Return the ids of the items for which something failed."""
        failed: set[str] = set()
        for item, error in run_all(self._executor, self._remove_conversions, gone):
            if isinstance(error, Exception):
                failed.add(item.id)
                expected = isinstance(error, CoreError)
                log.warning(
                    "deletion.failed",
                    item=item.id,
                    reason=str(error),
                    exc_info=None if expected else error,
                )
        deleted = self._delete_objects(gone)
        for failure in deleted.failed:
            failed.add(failure.id)
            log.error("deletion.failed", item=failure.id, reason=failure.reason)
        if gone:
            log.info(
                "deletion.done",
                items=[item.id for item in gone],
                objects=deleted.objects,
                bytes=deleted.bytes,
                multipart_uploads=deleted.multipart_uploads,
                failures=len(failed),
            )
        return failed

    def _remove_conversions(self, item: StoredItem) -> None:
        if isinstance(item, Upload):
            for conversion_id in item.conversions:
                self._items.remove_conversion_of(conversion_id, item.id)


def _ids_in(message: Message) -> set[str]:
    return {event.item.id for event in message.events if isinstance(event, ItemRemoved)}
