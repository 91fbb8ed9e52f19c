"""Decode the source in the item of a conversion."""

from dataclasses import replace

from libs.core.adapters.aws.dynamodb.attributes import ItemAttributes, decode_fields, log_once
from libs.core.domain.conversions import Source, Track


def decode_source(attributes: ItemAttributes) -> Source | None:
    """Return the probed source, None if it is missing or incomplete."""
    source = attributes.record("source", Source)
    if source is None:
        return None
    values = attributes.mapping("source").get("tracks")
    tracks = values if isinstance(values, list) else []
    try:
        return replace(source, tracks=tuple(decode_fields(Track, each) for each in tracks))
    except (TypeError, AttributeError) as error:  # written by another version
        log_once("item.attribute_unreadable", attributes.id, f"tracks: {error}")
        return replace(source, tracks=())
