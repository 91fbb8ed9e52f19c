"""Order queued conversions fairly between sessions: round robin."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from libs.core.domain.conversions import Conversion, ConversionStatus

NEVER_SERVED: Mapping[str, float] = {}


def fair_order(
    queued: Iterable[Conversion],
    running: Collection[Conversion],
    last_served: Mapping[str, float] = NEVER_SERVED,
) -> list[Conversion]:
    """Return queued conversions in the order in which they start.

    A conversion's round is the number of conversions of its session that run, or are queued and
    come before it: begun ones, then by age. Earlier rounds go first. Within a round, the session
    that was served longest ago goes first, then the oldest conversion.

    Args:
        queued: The conversions to order.
        running: Those that workers hold.
        last_served: For each session, when one of its conversions last ran, on any clock.
    """
    rounds = Counter(conversion.owner for conversion in running)
    keys: list[tuple[int, float, float, str]] = []
    by_age = sorted(queued, key=_age)
    for conversion in by_age:
        owner = conversion.owner
        served = last_served.get(owner, float("-inf"))
        keys.append((rounds[owner], served, conversion.created_at, conversion.id))
        rounds[owner] += 1
    return [by_age[i] for i in sorted(range(len(by_age)), key=keys.__getitem__)]


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
