"""Convert between attributes and the warnings of a conversion."""

from collections.abc import Sequence
from typing import Any

from libs.core.adapters.aws.dynamodb.attributes import ItemAttributes
from libs.core.domain.conversions import ConversionWarning


def encode_warnings(warnings: Sequence[ConversionWarning]) -> dict[str, Any]:
    """Return the attributes that store warnings.

    Earlier versions read `warnings` as a list of texts. `warning_reasons` has the reasons by their
    positions in it, because most warnings have none.
    """
    reasons = {str(at): each.reason for at, each in enumerate(warnings) if each.reason}
    return {
        "warnings": [warning.detail for warning in warnings],
        "warning_codes": [warning.code for warning in warnings],
        **({"warning_reasons": reasons} if reasons else {}),
    }


def decode_warnings(attributes: ItemAttributes) -> tuple[ConversionWarning, ...]:
    """Return the warnings with their codes; none for an item of an earlier version."""
    codes, details = attributes.texts("warning_codes"), attributes.texts("warnings")
    reasons = ItemAttributes(attributes.mapping("warning_reasons"))
    return tuple(
        ConversionWarning(code, detail, reasons.optional_text(str(at)))
        for at, (code, detail) in enumerate(zip(codes, details, strict=False))
    )
