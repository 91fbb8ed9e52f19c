"""Define enumerations that keep the values of other versions of the service."""

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """List the known values, and hold unknown ones as they are stored.

    During a deployment, two versions of the service read each other's items. An unknown value
    equals no member, so code that compares members passes it over.
    """

    @classmethod
    def of(cls, value: str) -> Self:
        """Return the member with this value, or an object for an unknown value."""
        try:
            return cls(value)
        except ValueError:
            unknown = str.__new__(cls, value)
            unknown._name_ = unknown._value_ = value
            return unknown

    @property
    def is_known(self) -> bool:
        """Return True for a member."""
        return self.value in type(self)._value2member_map_

    def __deepcopy__(self, memo: object) -> Self:
        return self
