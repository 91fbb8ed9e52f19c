"""Refuse what cannot be converted by its real name."""

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.media_support import convert, ffmpeg

CENC = (
    "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb",
    "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8",
)  # fmt: skip
CONTENT_ENCRYPTION = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e")
"""The Content Encryption Object of ASF, 3.14."""


def encrypted_mp4(folder: Path, *options: str) -> bytes:
    """Encrypt AAC by Common Encryption (ISO 23001-7)."""
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", "-c:a", "aac", *CENC, *options, folder / "x.mp4")
    return (folder / "x.mp4").read_bytes()


def apples_m4p(folder: Path) -> bytes:
    """Name the sample entry as iTunes did."""
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", "-c:a", "aac", folder / "x.m4a")
    return (folder / "x.m4a").read_bytes().replace(b"mp4a", b"drms", 1)


def protected_wma(folder: Path) -> bytes:
    """Add a Content Encryption Object to the header."""
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", "-c:a", "wmav2", folder / "x.wma")
    content = (folder / "x.wma").read_bytes()
    texts = (b"abcd", b"DRM\0", b"kid\0", b"url\0")
    body = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    added = CONTENT_ENCRYPTION + struct.pack("<Q", 24 + len(body)) + body
    size, count = struct.unpack_from("<QI", content, 16)
    header = content[:16] + struct.pack("<QI", size + len(added), count + 1) + content[28:size]
    return header + added + content[size:]


def encrypted_mp4_with_its_index_in_front(folder: Path) -> bytes:
    return encrypted_mp4(folder, "-movflags", "+faststart")


@pytest.mark.parametrize(
    "make", [encrypted_mp4, encrypted_mp4_with_its_index_in_front, apples_m4p, protected_wma]
)
def test_protected_sound_is_called_copy_protected(
    make: Callable[[Path], bytes], engine: FfmpegEngine, tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match="copy-protected") as refusal:
        convert(engine, make(tmp_path), "mp3")
    assert refusal.value.code == "unsupported_codec"


def aifc(kind: bytes, data: bytes, frames: int, rate: int = 8000) -> bytes:
    """Make an AIFF-C file ("Audio Interchange File Format AIFF-C", Apple 1991)."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + struct.pack(">I", len(body)) + body + bytes(len(body) % 2)

    exponent = rate.bit_length() - 1
    extended = struct.pack(">HQ", exponent + 16383, rate << (63 - exponent))
    comm = struct.pack(">hIh", 1, frames, 16) + extended + kind + bytes(2)
    body = chunk(b"FVER", struct.pack(">I", 0xA2805140)) + chunk(b"COMM", comm)
    body += chunk(b"SSND", bytes(8) + data)
    return b"FORM" + struct.pack(">I", 4 + len(body)) + b"AIFC" + body


@pytest.mark.parametrize("kind", [b"DWVW", b"xyzw"])
def test_an_unsupported_codec_of_aiff_is_named(kind: bytes, engine: FfmpegEngine) -> None:
    with pytest.raises(MediaError, match=kind.decode()) as refusal:
        convert(engine, aifc(kind, bytes(range(256)) * 80, 16_000), "mp3")
    assert refusal.value.code == "unsupported_codec"


def zip_with_a_song(folder: Path) -> bytes:
    """Store an MP3 file in an archive, whose frames FFmpeg would find."""
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", folder / "x.mp3")
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_STORED) as archive:
        archive.write(folder / "x.mp3", "x.mp3")
    return (folder / "x.zip").read_bytes()


def photo_of_a_phone(_folder: Path) -> bytes:
    """Begin as HEIC does, which has the container of MP4."""
    return b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(200)


@pytest.mark.parametrize("make", [zip_with_a_song, photo_of_a_phone])
def test_what_only_looks_like_sound_is_not_called_damaged(
    make: Callable[[Path], bytes], engine: FfmpegEngine, tmp_path: Path
) -> None:
    with pytest.raises(MediaError) as raised:
        convert(engine, make(tmp_path), "mp3")
    assert raised.value.code == "not_audio"


def test_subtitles_alone_are_a_file_without_sound(engine: FfmpegEngine, tmp_path: Path) -> None:
    (tmp_path / "x.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    ffmpeg("-i", tmp_path / "x.srt", "-c", "copy", tmp_path / "x.mkv")
    with pytest.raises(MediaError) as raised:
        convert(engine, tmp_path / "x.mkv", "mp3")
    assert raised.value.code == "no_audio_stream"


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_a_part_without_a_sample_is_refused_as_such(
    start: float, engine: FfmpegEngine, tmp_path: Path
) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", tmp_path / "x.wav")
    with pytest.raises(MediaError, match="shorter than one sample"):
        convert(engine, tmp_path / "x.wav", "mp3", start=start, end=start + 0.00001)
