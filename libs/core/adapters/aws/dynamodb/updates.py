"""Build the expressions of conditional writes.

boto3 accepts condition objects as well, but builds their expressions with one builder for all
threads, which mixes up the placeholders of concurrent requests (`boto3.dynamodb.transform`). Here
every request has its own builder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase, ConditionExpressionBuilder

RawItem = dict[str, Any]


class ConditionFailed(Exception):
    """Indicate that the condition of a write was false.

    `item` is the stored item, None if there is none.
    """

    def __init__(self, item: RawItem | None) -> None:
        super().__init__("The condition of the write was not met.")
        self.item = item


def conditional(condition: ConditionBase, *, of_key: bool = False) -> RawItem:
    """Return the request parameters of a condition; with `of_key`, of a key condition."""
    built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=of_key)
    return {
        "KeyConditionExpression" if of_key else "ConditionExpression": built.condition_expression,
        "ExpressionAttributeNames": built.attribute_name_placeholders,
        # DynamoDB refuses an empty map.
        **(
            {"ExpressionAttributeValues": values}
            if (values := built.attribute_value_placeholders)
            else {}
        ),
    }


@dataclass
class Update:
    """Describe a conditional update of one item."""

    condition: ConditionBase
    set: Mapping[str, Any] = field(default_factory=dict)
    remove: Sequence[str] = ()
    add: Mapping[str, Any] = field(default_factory=dict)
    """Increments of numbers, and members to add to sets."""
    discard: Mapping[str, Any] = field(default_factory=dict)
    """Members to remove from sets."""
    append: Mapping[str, list[Any]] = field(default_factory=dict)
    if_absent: Mapping[str, Any] = field(default_factory=dict)

    def expression(self, pk: str, write_id: str) -> RawItem:
        """Return the parameters of UpdateItem."""
        names: dict[str, str] = {}
        values: dict[str, Any] = {}

        def named(attribute: str) -> str:
            names[f"#{attribute}"] = attribute
            return f"#{attribute}"

        def valued(attribute: str, value: Any) -> str:
            values[f":{attribute}"] = value
            return f":{attribute}"

        sets = [
            f"{named(a)} = {valued(a, v)}" for a, v in {**self.set, "write_id": write_id}.items()
        ]
        sets += [
            f"{named(a)} = list_append({named(a)}, {valued(a, v)})" for a, v in self.append.items()
        ]
        sets += [
            f"{named(a)} = if_not_exists({named(a)}, {valued(a, v)})"
            for a, v in self.if_absent.items()
        ]
        adds = [f"{named(a)} {valued(a, v)}" for a, v in {**self.add, "version": 1}.items()]
        text = f"SET {', '.join(sets)} ADD {', '.join(adds)}"
        if self.discard:
            gone = [f"{named(a)} {valued(a, v)}" for a, v in self.discard.items()]
            text += f" DELETE {', '.join(gone)}"
        if self.remove:
            text += f" REMOVE {', '.join(named(a) for a in self.remove)}"
        # A repetition by botocore must fail even if its condition still holds.
        not_yet = Attr("write_id").not_exists() | Attr("write_id").ne(write_id)
        built = conditional(Attr("pk").exists() & not_yet & self.condition)
        return {
            "Key": {"pk": pk},
            "UpdateExpression": text,
            "ConditionExpression": built["ConditionExpression"],
            "ExpressionAttributeNames": {**names, **built["ExpressionAttributeNames"]},
            "ExpressionAttributeValues": {**values, **built["ExpressionAttributeValues"]},
        }


def projection_of(paths: Sequence[str]) -> RawItem:
    """Return the parameters that read only the attributes at these paths, such as `tus.offset`."""
    parts = dict.fromkeys(part for path in paths for part in path.split("."))
    names = {part: f"#{number}" for number, part in enumerate(parts)}
    return {
        "ProjectionExpression": ", ".join(
            ".".join(names[part] for part in path.split(".")) for path in paths
        ),
        "ExpressionAttributeNames": {short: part for part, short in names.items()},
    }
