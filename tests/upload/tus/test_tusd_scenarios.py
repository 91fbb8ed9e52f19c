"""Send what a client of tusd may send, and expect what tusd's documents and tus.io describe.

`SCENARIOS` is the table of results. Where our status differs from tusd's, its reason is named.
"""

from collections.abc import Callable

import pytest

from tests.upload.tus.support import BYTES, PATH, TUS, Client, append, create, offset_of

BODY = b"hello, world"


def finished(client: Client) -> str:
    url = create(client, len(BODY))
    append(client, url, 0, BODY)
    return url


def begun(client: Client) -> str:
    url = create(client, len(BODY))
    append(client, url, 0, BODY[:5])
    return url


def joined(client: Client) -> str:
    parts = [create(client, len(BODY), **{"Upload-Concat": "partial"}) for _ in range(2)]
    for part in parts:
        append(client, part, 0, BODY)
    answer = client.post(PATH, headers={**TUS, "Upload-Concat": f"final;{' '.join(parts)}"})
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


SCENARIOS: dict[str, tuple[Callable[[Client], int], int]] = {
    "create without a length": (lambda c: c.post(PATH, headers=TUS).status_code, 400),
    "create with a negative length": (
        lambda c: c.post(PATH, headers={**TUS, "Upload-Length": "-5"}).status_code,
        400,
    ),
    "create with both kinds of length": (
        lambda c: (
            c.post(
                PATH, headers={**TUS, "Upload-Length": "5", "Upload-Defer-Length": "1"}
            ).status_code
        ),
        400,
    ),
    "create beyond the maximum size": (
        lambda c: c.post(PATH, headers={**TUS, "Upload-Length": str(2**43)}).status_code,
        413,
    ),
    # tusd answers 201. Files without bytes cannot be converted: docs/api.md, `file_empty`.
    "create an empty file": (
        lambda c: c.post(PATH, headers={**TUS, "Upload-Length": "0"}).status_code,
        422,
    ),
    "ask without a version": (lambda c: c.head(begun(c)).status_code, 412),
    "list the extensions without a version": (lambda c: c.options(PATH).status_code, 204),
    "ask for an unknown upload": (
        lambda c: c.head(f"{PATH}/nothing", headers=TUS).status_code,
        404,
    ),
    "append to an unknown upload": (
        lambda c: append(c, f"{PATH}/nothing", 0, b"a").status_code,
        404,
    ),
    "delete an unknown upload": (
        lambda c: c.delete(f"{PATH}/nothing", headers=TUS).status_code,
        404,
    ),
    "append in the middle": (lambda c: append(c, begun(c), 5, b", w").status_code, 204),
    "append nothing": (lambda c: append(c, begun(c), 5, b"").status_code, 204),
    "append before the offset": (lambda c: append(c, begun(c), 4, b"o").status_code, 409),
    "append behind the offset": (lambda c: append(c, begun(c), 6, b" ").status_code, 409),
    "append with a malformed offset": (
        lambda c: (
            c.patch(begun(c), content=b"a", headers={**BYTES, "Upload-Offset": "five"}).status_code
        ),
        400,
    ),
    "append without an offset": (
        lambda c: c.patch(begun(c), content=b"a", headers=BYTES).status_code,
        400,
    ),
    # tusd answers 400; 415 is the status of tus.io.
    "append with another media type": (
        lambda c: append(c, begun(c), 5, b"a", **{"Content-Type": "text/plain"}).status_code,
        415,
    ),
    "append more than the length": (lambda c: append(c, begun(c), 5, BODY).status_code, 413),
    # tusd answers 204 to nothing and 413 to more; the upload has been handed on here.
    "append to a finished upload": (
        lambda c: append(c, finished(c), len(BODY), b"a").status_code,
        409,
    ),
    "ask for a finished upload": (lambda c: c.head(finished(c), headers=TUS).status_code, 200),
    "delete a finished upload": (lambda c: c.delete(finished(c), headers=TUS).status_code, 204),
    "ask for a joined upload": (lambda c: c.head(joined(c), headers=TUS).status_code, 200),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_answer_is_the_documented_one(client: Client, name: str) -> None:
    send, status = SCENARIOS[name]

    assert send(client) == status


def test_a_refused_append_keeps_the_offset(client: Client) -> None:
    url = begun(client)

    for offset, body in ((4, b"o"), (6, b" ")):
        append(client, url, offset, body)

    assert offset_of(client, url) == 5


def test_a_joined_upload_tells_its_parts_and_its_length(client: Client) -> None:
    answer = client.head(joined(client), headers=TUS)

    assert answer.headers["Upload-Length"] == str(2 * len(BODY))
    assert answer.headers["Upload-Concat"].startswith("final;")
