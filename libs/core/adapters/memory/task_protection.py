"""Remember the requested protection, for tests."""

from libs.core.ports.task_protection import TaskProtection


class MemoryTaskProtection(TaskProtection):
    """Remember the minutes of the last request; None without protection."""

    def __init__(self) -> None:
        self.minutes: int | None = None

    def protect(self, minutes: int) -> None:
        self.minutes = minutes

    def release(self) -> None:
        self.minutes = None
