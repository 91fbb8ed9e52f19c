"""Remember what the table says about conversions that wait."""

import threading
import time
from collections.abc import Sequence
from heapq import nsmallest

from boto3.dynamodb.conditions import Key

from libs.core.adapters.aws.dynamodb.decoding import decode_conversion, decode_readable
from libs.core.adapters.aws.dynamodb.encoding import UNBLAMED, YIELDED, open_kind
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.domain.conversions import Conversion, Phase

REREAD_PER_SECOND = 20
"""Copies that are read again for each second that passes, if they are old. They take half a percent
of a processor; of 4,000 copies, each is then less than four minutes old."""

COPIED = (
    *("pk", "schema", "owner", "version", "created_at", "updated_at", "expires_at", "upload_id"),
    *("format", "options", "filename", "status", "phase", "client"),
    *("attempts", "suspect", UNBLAMED, YIELDED),
)
"""Attributes that decide about a conversion that does not run. The others, such as the tags of a
source that was probed before, would take most of the memory."""


class ConversionCopies:
    """List the conversions in one phase, and read only those that are new in the list.

    A visitor may have thousands of them, and the index says which they are. So a copy is kept for
    as long as the index lists its conversion: one that was claimed or cancelled is not listed.

    A conversion that was claimed and released between two listings has an outdated copy, which may
    lack that it is suspect or has yielded. A claim reads the item and refuses a suspect, and
    `forget`, which precedes it, has discarded the copy: that costs one claim. One that has yielded
    may displace a long conversion once more. So it is enough that old copies are read again from
    time to time, some with each listing. Thread-safe.
    """

    def __init__(self, table: Table, phase: Phase, remembered: float) -> None:
        """Read each copy again at the earliest after `remembered` seconds; 0 keeps none."""
        self._table = table
        self._phase = phase
        self._remembered = remembered
        self._listing = threading.Lock()
        self._copies: dict[str, tuple[float, Conversion]] = {}
        """When each conversion was read, and its state then."""
        self._reread_at = time.monotonic()

    def list(self) -> Sequence[Conversion]:
        """Return the conversions in this phase, oldest first."""
        # One thread at a time: otherwise all of them would read what is new.
        with self._listing:
            keys = [*self._table.keys("open", Key("open_kind").eq(open_kind(self._phase)))]
            copies = self._copies
            kept = {key: copy for key in keys if (copy := copies.get(key))}
            read_at = time.monotonic()
            for key in self._to_read_again(kept, read_at):
                del kept[key]
            for conversion in self._read([key for key in keys if key not in kept]):
                kept[conversion.id] = read_at, conversion
            self._copies = kept if self._remembered else {}
        now = self._table.now()
        # Expired ones are remembered, too: they are listed until somebody deletes them.
        found = (kept[key][1] for key in keys if key in kept)
        return [conversion for conversion in found if conversion.expires_at > now]

    def forget(self, conversion_id: str) -> None:
        """Discard a copy, so that the next `list` reads the conversion."""
        self._copies.pop(conversion_id, None)

    def _to_read_again(
        self, copies: dict[str, tuple[float, Conversion]], now: float
    ) -> Sequence[str]:
        """Return the oldest copies, as many as may be read again by now."""
        passed = now - self._reread_at
        if passed < self._remembered:
            return ()
        self._reread_at = now
        old = [key for key, (read_at, _) in copies.items() if now - read_at >= self._remembered]
        return nsmallest(int(REREAD_PER_SECOND * passed), old, key=lambda key: copies[key][0])

    def _read(self, keys: Sequence[str]) -> Sequence[Conversion]:
        items = self._table.get_many(keys, COPIED)
        in_phase = (item for item in items if item.get("phase") == self._phase)
        return [*decode_readable(decode_conversion, in_phase)]
