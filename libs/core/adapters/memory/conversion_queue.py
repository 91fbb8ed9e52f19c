"""Read the queue from the table in memory."""

from collections.abc import Iterator, Mapping

from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.conversions import RUNNING, Conversion, Phase
from libs.core.domain.fair_order import fair_position
from libs.core.ports.conversion_queue import BACKLOG_SAMPLE, Backlog, ConversionQueue


class MemoryConversionQueue(ConversionQueue):
    """Filter the conversions of the table."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def position(self, conversion: Conversion) -> int:
        running = list(self.in_phase(*RUNNING))
        return fair_position(conversion, self.in_phase(Phase.QUEUED), running)

    def positions(self, owner: str) -> Mapping[str, int]:
        queued = [c for c in self.in_phase(Phase.QUEUED) if c.owner == owner]
        return {c.id: self.position(c) for c in queued}

    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        return (
            c
            for c in self._table.live(Conversion)
            if c.phase in phases and not c.status.is_terminal
        )

    def forget(self, conversion_id: str) -> None:
        pass  # nothing is remembered

    def backlog(self) -> Backlog:
        queued = sorted(self.in_phase(Phase.QUEUED), key=lambda c: c.created_at)
        since = [self._table.clock() - c.updated_at for c in queued[:BACKLOG_SAMPLE]]
        running = sum(1 for _ in self.in_phase(*RUNNING))
        return Backlog(len(queued), running, max(since, default=0.0))
