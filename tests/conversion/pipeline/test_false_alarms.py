"""Call nothing damaged that is whole: streamed sizes, tags behind the sound, odd bytes."""

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.pipeline.foreign_bytes import find_sound
from services.conversion.storage.source_cache import SourceCache
from tests.conversion.media_support import FFMPEG, MemorySource, convert, ffmpeg, listen
from tests.conversion.pcm import decode
from tests.conversion.pipeline.test_refusals import aifc

ID3V1 = b"TAG" + b"Song".ljust(30, b"\0") + bytes(95)
LYRICS = b"LYRICSBEGINLYR00100" + b"x" * 100
LYRICS3 = LYRICS + b"%06dLYRICS200" % len(LYRICS)
LYRICS3_V1 = b"LYRICSBEGIN" + b"x" * 100 + b"LYRICSEND"


def ape_tag(*, header: bool, declared: bool = True) -> bytes:
    """Make an APEv2 tag with a title."""
    item = struct.pack("<II", 5, 0) + b"Title\0" + b"Hello"
    flags = 0x80000000 if header and declared else 0
    fields = struct.pack("<III", 2000, 32 + len(item), 1)
    first = b"APETAGEX" + fields + struct.pack("<I", 0xA0000000) + bytes(8)
    last = b"APETAGEX" + fields + struct.pack("<I", flags) + bytes(8)
    return (first if header else b"") + item + last


TAILS = {
    "ID3v1": ID3V1,
    "APEv2": ape_tag(header=True),
    "APEv2 without a header": ape_tag(header=False),
    "APEv2 whose header is not declared": ape_tag(header=True, declared=False),
    "APEv2 and ID3v1": ape_tag(header=True) + ID3V1,
    "Lyrics3v2": LYRICS3 + ID3V1,
    "Lyrics3v1": LYRICS3_V1 + ID3V1,
    "APEv2 and Lyrics3": ape_tag(header=True) + LYRICS3 + ID3V1,
    "an odd byte": b"\0",
    "zeros": bytes(70_000),
    "the page of a server": b"<html><body>Not found</body></html>\r\n" * 50,
}
FRAMES = ("flac", "mp3", "ac3", "eac3")
OTHERS = ("mp2", "aac", "dts", "tta", "wv", "opus", "m4a", "wav", "aiff", "au", "caf", "w64")
MAX_ADDED = {"dts": 512}
"""Samples that FFmpeg's parser adds for a tag that it takes for a frame."""
PAIRS = [(kind, tail) for kind in FRAMES for tail in TAILS] + [
    (kind, tail) for kind in OTHERS for tail in ("APEv2 and ID3v1", "an odd byte")
]


def sound(folder: Path, kind: str) -> bytes:
    """Make 3 s of a tone."""
    more = {"dts": ("-strict", "-2"), "opus": ("-c:a", "libopus"), "ogg": ("-c:a", "libvorbis")}
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", *more.get(kind, ()), folder / f"x.{kind}")
    return (folder / f"x.{kind}").read_bytes()


@pytest.mark.parametrize(("kind", "tail"), PAIRS)
def test_bytes_behind_the_sound_are_no_damage(
    kind: str, tail: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    content = sound(tmp_path, kind)
    made = convert(engine, content + TAILS[tail], "wav")
    assert not {w.code for w in made.result.warning_details} & {
        "source_damaged", "source_truncated", "source_incomplete",
    }  # fmt: skip
    (tmp_path / "out.wav").write_bytes(made.content)
    got, whole = decode(tmp_path / "out.wav"), decode(tmp_path / f"x.{kind}")
    assert abs(got.samples.shape[1] - whole.samples.shape[1]) <= MAX_ADDED.get(kind, 0)
    count = whole.samples.shape[1]
    assert np.abs(got.samples[:, :count] - whole.samples).max() < 1e-4


@pytest.mark.parametrize("tail", ["ID3v1", "Lyrics3v2", "APEv2 and Lyrics3"])
def test_tags_of_an_mp3_are_read_past_lyrics(
    tail: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", "-write_xing", "1", tmp_path / "x.mp3")
    content = (tmp_path / "x.mp3").read_bytes()
    (tmp_path / "out.flac").write_bytes(convert(engine, content + TAILS[tail], "flac").content)
    assert any(title in listen(tmp_path / "out.flac").words for title in (": Song", ": Hello"))


@pytest.mark.parametrize(
    ("bits", "size"),
    [("pcm_s16le", 0xFFFFFFFF), ("pcm_s16le", 0), ("pcm_s24le", 0x7FFFFFFF), ("pcm_u8", 0),
     ("pcm_f32le", 0x7FFFFFFF - 36), ("pcm_s24le", 0xFFFFFFFF - 36)],
)  # fmt: skip
def test_a_streamed_wav_is_whole(
    size: int, bits: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """Use what `ffmpeg -f wav -` and `sox -t wav -` write through a pipe."""
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", "-c:a", bits, tmp_path / "x.wav")
    content = bytearray((tmp_path / "x.wav").read_bytes())
    struct.pack_into("<I", content, content.index(b"data") + 4, size)
    struct.pack_into("<I", content, 4, min(size, 0xFFFFFFFF))
    made = convert(engine, bytes(content), "flac")
    assert not {w.code for w in made.result.warning_details} - {"bit_depth_reduced"}
    assert made.result.duration == pytest.approx(3, abs=0.001)


@pytest.mark.parametrize("kind", ["wav", "caf", "au", "flac", "mp3", "ogg", "matroska"])
def test_what_ffmpeg_writes_to_a_pipe_is_whole(kind: str, engine: FfmpegEngine) -> None:
    command = [FFMPEG, "-v", "error", "-f", "lavfi", "-i", "sine=d=3", "-f", kind, "-"]
    content = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    made = convert(engine, content, "wav")
    assert {w.code for w in made.result.warning_details} <= {"source_is_lossy"}
    assert made.result.duration == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("kind", ["flac", "mp3", "ac3"])
def test_a_damaged_place_in_the_middle_is_still_said(
    kind: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    content = bytearray(sound(tmp_path, kind) + ID3V1)
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\xaa" * 2000
    made = convert(engine, bytes(content), "wav")
    codes = {w.code for w in made.result.warning_details}
    assert codes & {"source_damaged", "source_incomplete"}


@pytest.mark.parametrize("rate", ["44100", "48000"])
def test_joined_mp3_files_are_whole(rate: str, engine: FfmpegEngine, tmp_path: Path) -> None:
    """The tag of the second one is a packet without a frame."""
    second = tmp_path / "second.mp3"
    ffmpeg("-f", "lavfi", "-i", "sine=d=2", "-ar", rate, "-metadata", "title=T", second)
    made = convert(engine, sound(tmp_path, "mp3") + second.read_bytes(), "wav")
    assert {w.code for w in made.result.warning_details} <= {"source_is_lossy"}
    assert made.result.duration == pytest.approx(5, abs=0.1)


def test_the_length_of_joined_mp3_files_is_estimated_by_all_bytes(
    engine: FfmpegEngine, tmp_path: Path
) -> None:
    """The header counts those of the first one, which could not last so long."""
    first = tmp_path / "first.mp3"
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", first)
    made = convert(engine, first.read_bytes() + sound(tmp_path, "mp3") * 20, "mp3")
    source = made.ticks[-1].source
    assert source is not None
    assert source.duration == pytest.approx(60, abs=2)


@pytest.mark.parametrize("count", [-2, 1, 2])
def test_a_wav_whose_size_is_miscounted_is_whole(
    count: int, engine: FfmpegEngine, tmp_path: Path
) -> None:
    content = bytearray(sound(tmp_path, "wav"))
    at = content.index(b"data") + 4
    struct.pack_into("<I", content, at, len(content) - at - 4 + count)
    made = convert(engine, bytes(content), "flac")
    assert made.result.warning_details == ()
    assert made.result.duration == pytest.approx(3, abs=0.001)


def test_timestamps_that_jump_for_hours_are_no_damage(engine: FfmpegEngine, tmp_path: Path) -> None:
    """Two recordings of a broadcast are joined; the duration is that between their ends."""
    later = tmp_path / "later.ts"
    ffmpeg("-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", "-output_ts_offset", "20000", later)
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", "-c:a", "aac", tmp_path / "x.ts")
    made = convert(engine, (tmp_path / "x.ts").read_bytes() + later.read_bytes(), "wav")
    codes = {w.code for w in made.result.warning_details}
    assert codes == {"source_is_lossy", "gaps_left_out"}
    assert made.result.duration == pytest.approx(5, abs=0.15)


@pytest.mark.parametrize(("skipped", "told"), [(3, {"source_damaged", "gaps_filled"}),
                                               (0, {"gaps_filled"})])  # fmt: skip
def test_a_damaged_broadcast_is_not_called_cut_off(
    skipped: int, told: set[str], engine: FfmpegEngine, tmp_path: Path
) -> None:
    """Damage 2000 bytes in the middle, from a packet of MPEG-TS in a PES packet on.

    Without its beginning, FFmpeg leaves the whole PES packet out, and only its debug log says so.
    The file is like one of a station that paused: the gap is what is known, and it is told.
    """
    noise = "anoisesrc=d=9:a=.2:seed=0"
    ffmpeg("-f", "lavfi", "-i", noise, "-c:a", "aac", tmp_path / "x.ts")
    content = bytearray((tmp_path / "x.ts").read_bytes())
    middle = len(content) // 2 // 188 * 188
    first = b"\x47\x41\x00"  # of PID 256, with the payload_unit_start_indicator
    begin = next(at for at in range(middle, len(content), 188) if content[at : at + 3] == first)
    begin += 188 * skipped
    content[begin : begin + 2000] = b"\xaa" * 2000
    made = convert(engine, bytes(content), "wav")
    assert {w.code for w in made.result.warning_details} == told | {"source_is_lossy"}
    assert made.result.duration == pytest.approx(9, abs=0.1)


def test_24_bits_in_32_are_no_floating_point(engine: FfmpegEngine, tmp_path: Path) -> None:
    """FFmpeg takes them for a format of Adobe Audition, and plays noise."""
    wanted = (np.sin(np.arange(44_100) / 16) * 2**22).astype("<i4") << 8
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 44_100, 176_400, 4, 32, 22, 24, 4)
    fmt += bytes.fromhex("0100000000001000800000aa00389b71")
    data = b"WAVEfmt " + struct.pack("<I", 40) + fmt
    data += b"data" + struct.pack("<I", wanted.nbytes) + wanted.tobytes()
    made = convert(engine, b"RIFF" + struct.pack("<I", len(data)) + data, "flac")
    assert made.result.warning_details == ()
    (tmp_path / "out.flac").write_bytes(made.content)
    assert np.array_equal(np.rint(decode(tmp_path / "out.flac").samples[0] * 2**31), wanted)


def test_an_id3v2_tag_in_front_of_monkeys_audio_is_left_out() -> None:
    tag = b"ID3\x04\0\0" + bytes((0, 0, 1, 0)) + bytes(128)
    source = SourceCache(MemorySource(tag + b"MAC " + bytes(1000)))
    try:
        assert find_sound(source) == [(len(tag), len(tag) + 1004)]
    finally:
        source.close()


@pytest.mark.parametrize("kind", ["wav", "aiff", "au", "caf", "w64"])
def test_pcm_that_looks_like_a_broadcast_is_recognised(
    kind: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """MPEG-TS has the byte 0x47 every 188 bytes, and FFmpeg prefers it to WAV."""
    cycle = np.full(94, 0x4747, "<i2")
    cycle[1:] = np.arange(93) * 50
    (tmp_path / "x.raw").write_bytes(np.tile(cycle, 2000).tobytes())
    raw = ("-f", "s16le", "-ar", "44100", "-ac", "1", "-i", tmp_path / "x.raw")
    ffmpeg(*raw, tmp_path / f"x.{kind}")
    made = convert(engine, tmp_path / f"x.{kind}", "wav")
    samples = np.frombuffer(made.content[-len(cycle) * 4000 :], "<i2")
    assert np.array_equal(samples, np.tile(cycle, 2000))


@pytest.mark.parametrize("odd", [b"", bytes(7)])
def test_gsm_in_aiff_is_whole_if_its_writer_counts_samples(
    odd: bytes, engine: FfmpegEngine
) -> None:
    """Use what libsndfile writes: FFmpeg takes the number of samples for one of frames."""
    frames = (b"\xd0" + bytes(32)) * 100
    made = convert(engine, aifc(b"GSM ", frames + odd, 16_000), "wav")
    assert made.result.duration == pytest.approx(2, abs=0.001)
    assert {w.code for w in made.result.warning_details} == {"source_is_lossy"}
    source = made.ticks[-1].source
    assert source is not None
    assert source.duration == pytest.approx(2, abs=0.05)
