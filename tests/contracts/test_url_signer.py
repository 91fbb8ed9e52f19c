"""Use presigned URLs as a browser does. `tests/core/test_signed_urls.py` tests their form."""

import pytest

from tests.contracts.backend import Backend

HOSTILE_NAMES = [
    "song.mp3",
    "Für Elise – Übung №5.mp3",
    "日本語 ♫.flac",
    'a "quoted" name.mp3',
    "semi;colon, comma.mp3",
    "50 % + mehr & co #1?.mp3",
    "back\\slash and 'tick'.mp3",
    "percent %22 %0D%0A.mp3",
]


@pytest.fixture
def song(backend: Backend, prefix: str) -> str:
    """Store a small object, and return its key."""
    backend.objects.put(f"{prefix}1.mp3", b"sound", "application/octet-stream", {})
    return f"{prefix}1.mp3"


def test_a_part_url_stores_the_part(backend: Backend, prefix: str) -> None:
    multipart_id = backend.multiparts.create(f"{prefix}ü b", "audio/wav", {})
    url = backend.signer.sign_part(f"{prefix}ü b", multipart_id, 2, 5, 60)

    answer = backend.http("PUT", url, b"sound")

    [part] = backend.multiparts.list_parts(f"{prefix}ü b", multipart_id)
    assert answer.status == 200
    assert (part.number, part.size) == (2, 5)
    assert answer.headers["etag"].strip('"') == part.etag


def test_a_download_has_the_media_type(backend: Backend, song: str) -> None:
    answer = backend.http("GET", backend.signer.sign_download(song, "a.mp3", "audio/mpeg", 60))

    assert (answer.status, answer.body, answer.headers["content-type"]) == (
        200,
        b"sound",
        "audio/mpeg",
    )


@pytest.mark.parametrize("filename", HOSTILE_NAMES)
def test_a_download_has_the_filename(backend: Backend, song: str, filename: str) -> None:
    answer = backend.http("GET", backend.signer.sign_download(song, filename, "audio/mpeg", 60))

    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.filename == filename


def test_an_inline_download_is_shown_in_place(backend: Backend, song: str) -> None:
    answer = backend.http(
        "GET", backend.signer.sign_download(song, "a.mp3", "audio/mpeg", 60, inline=True)
    )

    assert answer.headers["content-disposition"].startswith("inline")
