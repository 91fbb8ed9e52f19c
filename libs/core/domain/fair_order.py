"""Order conversions fairly: round robin between clients, and between a client's sessions."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter

from libs.core.domain.conversions import Conversion, ConversionStatus

NOBODY_SERVED: Mapping[str, float] = {}


def fair_order(
    conversions: Iterable[Conversion],
    running: Collection[Conversion],
    last_served: Mapping[str, float] = NOBODY_SERVED,
) -> list[Conversion]:
    """Return conversions in the order in which their turns come.

    In each round, every client address has one turn, which its sessions take one after the other.
    Otherwise, a visitor with many sessions would have as many turns.

    Args:
        conversions: Those to order: queued, paused or stalled ones.
        running: Those that workers hold.
        last_served: For each session and client, when one of its conversions last ran, on any
            clock.
    """
    by_session = _round_robin(
        sorted(conversions, key=_age), running, last_served, attrgetter("owner")
    )
    return _round_robin(by_session, running, last_served, client_of)


def client_of(conversion: Conversion) -> str:
    """Return the client that a conversion was requested by; its session, if that is not known."""
    return conversion.client or conversion.owner


def _round_robin(
    ordered: Sequence[Conversion],
    running: Collection[Conversion],
    last_served: Mapping[str, float],
    group_of: Callable[[Conversion], str],
) -> list[Conversion]:
    """Return conversions round robin between groups; within a group their order is kept.

    A conversion's round is the number of conversions of its group that run, or come before it.
    Earlier rounds go first. Within a round, the group that was served longest ago goes first, then
    the oldest conversion.
    """
    rounds = Counter(map(group_of, running))
    keys: list[tuple[int, float, float, str]] = []
    for conversion in ordered:
        group = group_of(conversion)
        served = last_served.get(group, float("-inf"))
        keys.append((rounds[group], served, conversion.created_at, conversion.id))
        rounds[group] += 1
    return [ordered[i] for i in sorted(range(len(ordered)), key=keys.__getitem__)]


def _age(conversion: Conversion) -> tuple[bool, float, str]:
    begun = conversion.status is ConversionStatus.CONVERTING
    return not begun, conversion.created_at, conversion.id


def fair_position(
    conversion: Conversion, queued: Iterable[Conversion], running: Collection[Conversion]
) -> int:
    """Return the place of a conversion in the fair order, from 1, also if `queued` lacks it."""
    others = [other for other in queued if other.id != conversion.id]
    order = fair_order([*others, conversion], running)
    return 1 + next(place for place, other in enumerate(order) if other.id == conversion.id)
