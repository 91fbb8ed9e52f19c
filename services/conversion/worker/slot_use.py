"""Hold what is known of one use of a slot: its conversion, its time and how much is left."""

from dataclasses import dataclass

from services.conversion.worker.slots import NEVER

ESTIMATE_FACTOR, ESTIMATE_GRACE = 2, 1.0
"""An estimate promises that a conversion ends after so many times the seconds left, and so many
more. If the conversion breaks one promise, none of its estimates is believed any more: a header may
state too short a duration, and then the time left stays 0."""

MUCH_LEFT = 1800.0
"""Seconds left above which a conversion goes back to the queue if no more may be paused. One whose
estimate proved wrong is taken to have as much left as it is late, however near its end it seems."""


@dataclass(eq=False)
class SlotUse:
    """Hold since when a conversion uses its slot, and how many seconds it still needs.

    `since` is on this process's monotonic clock; `seconds_left` is the engine's estimate.
    """

    conversion_id: str
    since: float
    seconds_left: float = NEVER
    is_guess: bool = False
    """`seconds_left` includes a later pass, which may take much longer than this one."""
    client: str | None = None
    """Who has requested the conversion; None until it is claimed."""
    ran_before: float = 0.0
    """Seconds for which the conversion had a slot before its present use."""
    is_paused: bool = False
    must_yield: bool = False
    """The conversion is to go back to the queue."""
    promised: float = NEVER
    """Seconds with a slot after which the conversion has ended, by its most hopeful estimate."""

    def belongs_to(self, client: str) -> None:
        """Note who has requested the conversion."""
        self.client = client

    @property
    def is_being_stored(self) -> bool:
        """Return True if the conversion has only storing left, in which it does not yield."""
        return self.seconds_left == 0.0

    def seconds_run(self, now: float) -> float:
        """Return for how many seconds the conversion has had a slot."""
        return self.ran_before + (0.0 if self.is_paused else now - self.since)

    def expect(self, seconds_left: float, now: float, *, is_guess: bool = False) -> None:
        """Store the engine's estimate of how many seconds the conversion still needs.

        A guess is no promise, so it does not keep the conversion from being paused either.
        """
        self.seconds_left, self.is_guess = seconds_left, is_guess
        if is_guess:
            return
        promised = self.seconds_run(now) + ESTIMATE_FACTOR * seconds_left + ESTIMATE_GRACE
        self.promised = min(self.promised, promised)

    def is_overdue(self, now: float) -> bool:
        """Return True if an estimate has proved wrong: by it, the conversion would have ended."""
        return self.seconds_run(now) >= self.promised

    def believed_seconds_left(self, now: float) -> float:
        """Return the estimate; `NEVER` if it is missing or a guess, or if one has proved wrong."""
        return NEVER if self.is_guess or self.is_overdue(now) else self.seconds_left

    def has_much_left(self, now: float) -> bool:
        """Return True if the conversion is long: one that broke its promise is late by as much."""
        return max(self.seconds_left, self.seconds_run(now) - self.promised) > MUCH_LEFT
