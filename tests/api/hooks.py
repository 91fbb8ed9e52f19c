"""Give Schemathesis the ids of real items. It loads this module through SCHEMATHESIS_HOOKS."""

import zlib
from typing import Any

import schemathesis

from tests.api.seeds import CONVERSIONS, OPEN_UPLOAD, UPLOADS

IDS = {
    "upload_id": UPLOADS,
    "conversion_id": CONVERSIONS,
    "item_id": (*UPLOADS, *CONVERSIONS),
    "number": (1, 2, 3),
}


@schemathesis.hook
def map_path_parameters(
    _context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Replace three of four made-up ids with real ones."""
    for name, value in (path_parameters or {}).items():
        path_parameters[name] = choose(value, IDS.get(name, ()))  # type: ignore[index]
    return path_parameters


@schemathesis.hook
def map_body(_context: schemathesis.HookContext, body: Any) -> Any:
    """Replace three of four made-up upload ids with real ones."""
    if isinstance(body, dict) and "upload_id" in body:
        body["upload_id"] = choose(body["upload_id"], UPLOADS)
    return body


def choose(value: object, real: tuple[Any, ...]) -> Any:
    """Return a real value or the given one; the choice depends on nothing but the given one."""
    number = zlib.crc32(repr(value).encode())
    if not real or number % 4 == 0:
        return value
    return OPEN_UPLOAD if OPEN_UPLOAD in real and number % 4 == 1 else real[number // 4 % len(real)]
