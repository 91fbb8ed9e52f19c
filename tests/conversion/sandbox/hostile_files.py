"""Make files that attack FFmpeg, or that chance has damaged. Each is a function of its targets."""

import functools
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conversion.audio_files import AudioFiles

SILENCE = bytes(8192)


@dataclass
class Targets:
    """Hold what an attack needs: a server, a file with a secret, and real files to change."""

    url: str
    secret: Path
    sounds: AudioFiles

    def real(self, kind: str, *options: str) -> bytes:
        """Return a valid file."""
        return self.sounds.tone(f"hostile.{kind}", *options).read_bytes()


Maker = Callable[[Targets], bytes]


def wav(
    channels: int = 2,
    rate: int = 44100,
    bits: int = 16,
    data: bytes = SILENCE,
    declared: int | None = None,
    fmt: int = 1,
) -> bytes:
    block = max(1, channels * bits // 8) & 0xFFFF
    header = struct.pack(
        "<HHIIHH", fmt, channels, rate & 0xFFFFFFFF, (rate * block) & 0xFFFFFFFF, block, bits
    )
    chunks = (
        b"fmt "
        + struct.pack("<I", len(header))
        + header
        + b"data"
        + struct.pack("<I", len(data) if declared is None else declared)
        + data
    )
    return b"RIFF" + struct.pack("<I", (4 + len(chunks)) & 0xFFFFFFFF) + b"WAVE" + chunks


def box(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", (8 + len(body)) if size is None else size) + name + body


def nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = box(b"moov", body)
    return box(b"ftyp", b"M4A \0\0\0\0") + body


def id3(*frames: tuple[bytes, bytes], size: int | None = None) -> bytes:
    body = b"".join(name + struct.pack(">IH", len(data), 0) + data for name, data in frames)
    length = len(body) if size is None else size
    return b"ID3\x03\0\0" + bytes((length >> shift) & 0x7F for shift in (21, 14, 7, 0)) + body


@functools.cache  # it takes seconds to compress half a gigabyte
def png(width: int, height: int) -> bytes:
    """Return a valid black picture: a few kilobytes that need gigabytes when decoded."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + 3 * width)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def apic(data: bytes, media_type: bytes = b"image/png") -> tuple[bytes, bytes]:
    return b"APIC", b"\0" + media_type + b"\0\x03\0" + data


def cut(kind: str, share: float, *options: str) -> Maker:
    def make(targets: Targets) -> bytes:
        whole = targets.real(kind, *options)
        return whole[: int(len(whole) * share)]

    return make


def flipped(kind: str, seed: int, *options: str) -> Maker:
    """Return a real file with a hundredth of its bytes replaced."""

    def make(targets: Targets) -> bytes:
        content, chance = bytearray(targets.real(kind, *options)), random.Random(seed)
        for _ in range(len(content) // 100):
            content[chance.randrange(len(content))] = chance.randrange(256)
        return bytes(content)

    return make


def gab2(targets: Targets) -> bytes:
    """Return an AVI with a subtitle stream that is a playlist (CVE-2017-9993)."""
    playlist = (
        f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile://{targets.secret}\n#EXT-X-ENDLIST\n"
    ).encode()
    strh = b"txts" + bytes(52)
    strl = b"strh" + struct.pack("<I", len(strh)) + strh + b"strf" + struct.pack("<I", 0)
    data = (
        b"GAB2\0\x02\0"
        + struct.pack("<I", 0)
        + b"\x04\0"
        + struct.pack("<I", len(playlist))
        + playlist
    )
    hdrl = (
        b"hdrlavih"
        + struct.pack("<I", 56)
        + bytes(56)
        + b"LIST"
        + struct.pack("<I", len(strl) + 4)
        + b"strl"
        + strl
    )
    movi = b"movi00tx" + struct.pack("<I", len(data)) + data
    body = (
        b"AVI LIST"
        + struct.pack("<I", len(hdrl))
        + hdrl
        + b"LIST"
        + struct.pack("<I", len(movi))
        + movi
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def external_track(targets: Targets) -> bytes:
    """Return a QuickTime file whose data reference names another file."""
    real = targets.real("m4a")
    alias = box(b"url ", b"\0\0\0\0" + f"file://{targets.secret}".encode() + b"\0")
    at = real.index(b"url ") - 4
    return (
        real[:at]
        + alias[: struct.unpack(">I", real[at : at + 4])[0]]
        + real[at + struct.unpack(">I", real[at : at + 4])[0] :]
    )


HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"
CORPUS: dict[str, Maker] = {
    # attempts to read something else
    "playlist of a server": lambda t: HLS.format(f"{t.url}/a.ts").encode(),
    "playlist of a file": lambda t: HLS.format(f"file://{t.secret}").encode(),
    "playlist after an ID3 tag": lambda t: (
        id3((b"TIT2", b"\0x")) + HLS.format(f"{t.url}/a.ts").encode()
    ),
    "playlist in a playlist": lambda t: HLS.format(f"concat:{t.secret}|{t.secret}").encode(),
    "plain playlist": lambda t: f"{t.url}/song.mp3\n".encode(),
    "ffconcat of a file": lambda t: f"ffconcat version 1.0\nfile '{t.secret}'\n".encode(),
    "ffconcat of a server": lambda t: f"ffconcat version 1.0\nfile {t.url}/a.mp3\n".encode(),
    "dash manifest": lambda t: (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
        "<Period><AdaptationSet><Representation>"
        f"<BaseURL>{t.url}/</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ).encode(),
    "session description": lambda t: (
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n"
    ),
    "smil": lambda t: f'<smil><body><audio src="{t.url}/x"/></body></smil>'.encode(),
    "avi with a playlist as subtitle": gab2,
    "track in another file": external_track,
    "cover by link": lambda t: id3(apic(t.url.encode(), b"-->")) + t.real("mp3"),
    "ffmetadata": lambda t: b";FFMETADATA1\ntitle=x\n",
    # attempts to use much memory or time
    "one hertz": lambda t: wav(rate=1, data=bytes(100_000)),
    "four gigahertz": lambda t: wav(rate=4_000_000_000),
    "no rate": lambda t: wav(rate=0),
    "no channels": lambda t: wav(channels=0),
    "512 channels": lambda t: wav(channels=512, data=bytes(1 << 20)),
    "65535 channels": lambda t: wav(channels=65535, bits=8),
    "zero bits": lambda t: wav(bits=0),
    "unknown codec in wav": lambda t: wav(fmt=0x7777),
    "endless by its header": lambda t: wav(declared=0xFFFFFFFF),
    "cover of 15000 by 15000": lambda t: id3(apic(png(15000, 15000))) + t.real("mp3"),
    "cover that lies about its size": lambda t: (
        id3(apic(png(4, 4).replace(struct.pack(">II", 4, 4), struct.pack(">II", 65000, 65000))))
        + t.real("mp3")
    ),
    "cover that is no picture": lambda t: id3(apic(b"<svg onload='x'/>")) + t.real("mp3"),
    "tag longer than the file": lambda t: id3(size=0x0FFFFFFF) + t.real("mp3"),
    "5,000 tags": lambda t: (
        id3(*[(b"TXXX", b"\0key%d\0value" % n) for n in range(5_000)]) + t.real("mp3")
    ),
    "boxes in boxes": lambda t: nested(20_000),
    "box of four gigabytes": lambda t: (
        box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", b"", size=0xFFFFFFFF)
    ),
    "box of size one": lambda t: box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", b"\xff" * 8, size=1),
    "a billion samples": lambda t: t.real("m4a").replace(
        b"stsz\0\0\0\0\0\0\0\0\0\0", b"stsz\0\0\0\0\0\0\0\0\x3b\x9a"
    ),
    # files without sound
    "one byte": lambda t: b"R",
    "zeros": lambda t: bytes(1 << 20),
    "noise": lambda t: random.Random(1).randbytes(300_000),
    "noise after a header": lambda t: b"fLaC" + random.Random(2).randbytes(100_000),
    "noise after another": lambda t: b"OggS" + random.Random(3).randbytes(100_000),
    "wav without samples": lambda t: wav(data=b""),
    "wav of one sample": lambda t: wav(data=b"\1\0\1\0"),
    "half a header": lambda t: wav()[:20],
    "mp3 of a tag only": lambda t: id3((b"TIT2", b"\0title")),
    "picture": lambda t: png(32, 32),
    "program": lambda t: b"\x7fELF\x02\x01\x01" + random.Random(4).randbytes(5000),
    "web page": lambda t: b"<!doctype html><title>404</title><p>Not found</p>" * 20,
    "zip": lambda t: b"PK\x03\x04" + random.Random(5).randbytes(5000),
    # damaged files
    "mp3 cut": cut("mp3", 0.6),
    "flac cut": cut("flac", 0.6),
    "flac header only": cut("flac", 0.02),
    "m4a cut": cut("m4a", 0.6),
    "ogg cut": cut("ogg", 0.6, "-c:a", "libvorbis"),
    "wma cut": cut("wma", 0.6),
    "mp3 flipped": flipped("mp3", 6),
    "flac flipped": flipped("flac", 7),
    "m4a flipped": flipped("m4a", 8),
    "ogg flipped": flipped("ogg", 9, "-c:a", "libvorbis"),
    "wav flipped": flipped("wav", 10),
    "wma flipped": flipped("wma", 11),
}
