"""List cursors that no listing returned."""

import json
from base64 import urlsafe_b64encode
from typing import Any


def _encoded(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return urlsafe_b64encode(text.encode()).decode()


_IDS = ["upl_" + "A" * 22, "cnv_" + "A" * 22]
INVALID_CURSORS = [
    "x",
    "ü",
    "AAAA",
    "%00",
    "../../etc/passwd",
    _encoded("nonsense"),
    _encoded("5"),
    _encoded("null"),
    _encoded({"pk": _IDS[0]}),
    _encoded([]),
    _encoded([1, 2, 3]),
    *(_encoded([item_id]) for item_id in _IDS),
    *(
        _encoded([item_id, number])
        for item_id in _IDS
        for number in (None, "NaN", "1e400", "1e99", "-Infinity", {"N": "1"})
    ),
    _encoded([[_IDS[0]], "1"]),
    _encoded([5, "1"]),
    _encoded(["", "1"]),
    _encoded("[" * 5_000),
    "A" * 10_000,
]
