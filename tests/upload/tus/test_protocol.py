"""Test the core protocol of tus 1.0.0, as its specification words it."""

import base64
import random
from typing import Any

import anyio
import httpx
import pytest
from litestar import Litestar

from libs.core.domain.uploads import MIB
from libs.core.errors import StorageUnavailable
from services.upload.container import UploadContainer
from tests.http_server import serving
from tests.upload.support import UploadHarness, problem
from tests.upload.tus.support import (
    BYTES,
    PART,
    PATH,
    TUS,
    Client,
    append,
    create,
    encode,
    offset_of,
    stored,
)


def test_options_lists_version_extensions_and_limit(client: Client) -> None:
    answer = client.options(PATH)

    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"] == str(64 * MIB)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,md5,sha256"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "expiration",
        "checksum",
        "termination",
        "concatenation",
    }


def test_another_version_is_refused_with_412(client: Client) -> None:
    answer = client.post(PATH, headers={"Tus-Resumable": "0.2.2", "Upload-Length": "5"})

    assert answer.status_code == 412
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.json()["code"] == "tus_version_unsupported"


def test_file_is_written_in_pieces_of_any_size(client: Client, harness: UploadHarness) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    body = chance.randbytes(2 * PART + 12_345)
    url = create(client, len(body), **{"Upload-Metadata": encode(filename="söng.wav")})
    offset = 0

    while offset < len(body):
        piece = body[offset : offset + chance.randrange(1, 3 * MIB)]
        answer = append(client, url, offset, piece)
        offset += len(piece)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, str(offset))
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        assert "Upload-Expires" in answer.headers
        assert offset_of(client, url) == offset

    upload, object_body = stored(harness, url)
    assert object_body == body
    assert (upload.filename, upload.size, upload.percent) == ("söng.wav", len(body), 100.0)


def test_head_returns_length_and_metadata_as_sent(client: Client) -> None:
    metadata = encode(filename="a.mp3", filetype="audio/mpeg") + ",empty"
    url = create(client, 7, **{"Upload-Metadata": metadata})

    answer = client.head(url, headers=TUS)

    assert answer.headers["Upload-Length"] == "7"
    assert answer.headers["Upload-Metadata"] == metadata


def test_wrong_offset_is_refused_and_changes_nothing(client: Client) -> None:
    url = create(client, 10)
    append(client, url, 0, b"12345")

    answer = append(client, url, 3, b"45678")

    assert (answer.status_code, answer.json()["code"]) == (409, "offset_mismatch")
    assert offset_of(client, url) == 5


def test_wrong_media_type_is_refused_with_415(client: Client) -> None:
    url = create(client, 5)

    answer = client.patch(
        url, content=b"12345", headers={**TUS, "Upload-Offset": "0", "Content-Type": "text/plain"}
    )

    assert answer.status_code == 415
    assert offset_of(client, url) == 0


def test_more_bytes_than_declared_are_refused(client: Client) -> None:
    url = create(client, 4)

    answer = append(client, url, 0, b"12345")

    assert answer.status_code == 413
    assert offset_of(client, url) == 0


def test_length_over_the_limit_is_refused_with_413(client: Client) -> None:
    answer = client.post(PATH, headers={**TUS, "Upload-Length": str(64 * MIB + 1)})

    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def test_length_of_any_number_of_digits_is_over_the_limit(client: Client) -> None:
    answer = client.post(PATH, headers={**TUS, "Upload-Length": "9" * 25})

    assert answer.status_code == 413


def test_media_type_may_have_parameters_and_capitals(client: Client) -> None:
    url = create(client, 5)

    answer = append(
        client, url, 0, b"12345", **{"Content-Type": "Application/Offset+Octet-Stream; a=b"}
    )

    assert answer.status_code == 204


def test_metadata_may_be_any_bytes(client: Client) -> None:
    binary = f"thumbnail {base64.b64encode(bytes(range(256))).decode()}"
    url = create(client, 7, **{"Upload-Metadata": binary})

    assert client.head(url, headers=TUS).headers["Upload-Metadata"] == binary


@pytest.mark.parametrize("real", ["POST", "PUT", "GET", "DELETE"])
def test_method_can_be_overridden_whatever_it_is(
    client: Client, harness: UploadHarness, real: str
) -> None:
    url = create(client, 5)

    answer = client.request(
        real,
        url,
        content=b"12345",
        headers={**BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"},
    )

    assert answer.status_code == 204
    assert stored(harness, url)[1] == b"12345"


def test_options_may_be_asked_for_by_an_override(client: Client) -> None:
    answer = client.post(PATH, headers={"X-HTTP-Method-Override": "OPTIONS"})

    assert (answer.status_code, answer.headers["Tus-Version"]) == (204, "1.0.0")


def test_overridden_head_of_an_unknown_upload_is_answered_over_http(
    app: Litestar, container: UploadContainer, harness: UploadHarness
) -> None:
    harness.override_adapters(container)
    with serving(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as real:
        for _ in range(2):  # the second one needs a connection that is still in order
            answer = real.post(
                f"{PATH}/nothing", headers={**TUS, "X-HTTP-Method-Override": "HEAD"}, timeout=5
            )
            assert answer.status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "five"},
        {"Upload-Length": "5", "Upload-Metadata": "filename %%%"},
        {"Upload-Length": "5", "Upload-Metadata": "a YQ==,a YQ=="},
        {"Upload-Defer-Length": "2"},
        {"Upload-Concat": "final;https://elsewhere.example/files/1"},
    ],
)
def test_malformed_creation_is_refused_with_400(client: Client, headers: dict[str, str]) -> None:
    assert client.post(PATH, headers={**TUS, **headers}).status_code == 400


def test_upload_of_another_session_is_unknown(client: Client) -> None:
    url = create(client, 5)
    client.cookies.clear()

    assert client.head(url, headers=TUS).status_code == 404
    assert append(client, url, 0, b"12345").status_code == 404


def test_upload_that_could_not_be_completed_is_completed_by_head(
    client: Client, harness: UploadHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = create(client, 5)
    with monkeypatch.context() as patch:

        def unavailable(*_: object) -> str:
            raise StorageUnavailable("S3 does not answer.", retry_after=1)

        patch.setattr(harness.multipart, "complete", unavailable)
        assert append(client, url, 0, b"12345").status_code == 503

    assert offset_of(client, url) == 5
    assert stored(harness, url)[1] == b"12345"


def test_bytes_before_a_lost_connection_are_kept(
    app: Litestar, client: Client, harness: UploadHarness
) -> None:
    url = create(client, 10)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = {**BYTES, "Upload-Offset": "0", "Content-Length": "10", "Cookie": cookie}
    messages: list[Any] = [
        {"type": "http.request", "body": b"1234", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(_message: Any) -> None:
        """Accept the answer that nobody reads."""

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PATCH",
        "scheme": "http",
        "path": url,
        "raw_path": url.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
    anyio.run(app, scope, receive, send)

    assert offset_of(client, url) == 4
    append(client, url, 4, b"567890")
    assert stored(harness, url)[1] == b"1234567890"


def test_answers_have_no_body(client: Client) -> None:
    answer = client.post(PATH, headers={**TUS, "Upload-Length": "5"})

    assert (answer.status_code, answer.content) == (201, b"")


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Metadata": f"thumbnail {'A' * 8192}"},
        {"Upload-Metadata": "é" * 4096 + " QQ=="},
        {"Upload-Concat": f"final;https://{'x' * 14_336}/api/uploads/tus/upl_{'A' * 22}"},
        {
            "Upload-Metadata": f"thumbnail {'A' * 8000}",
            "Upload-Concat": f"final;https://{'x' * 6400}/api/uploads/tus/upl_{'A' * 22}",
        },
    ],
)
def test_headers_that_are_too_long_to_be_stored_are_refused(
    client: Client, headers: dict[str, str]
) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}

    everything: Any = {**TUS, "Upload-Length": "7", **sent}
    answer = client.post(PATH, headers=everything)

    assert "longer than" in problem(answer, 400, "tus_request_invalid")["detail"]
