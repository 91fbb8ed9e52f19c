"""Convert chained Ogg files as a whole, also if their format changes."""

import struct
from pathlib import Path

import numpy as np
import pytest

from services.conversion.pipeline import ogg_links, ogg_pages
from services.conversion.pipeline.engine import FfmpegEngine, Limits
from services.conversion.pipeline.ogg_links import OggLink
from services.conversion.ports import MediaError
from services.conversion.storage.source_cache import SourceCache
from tests.conversion.media_support import MemorySource, convert, ffmpeg
from tests.conversion.pcm import Pcm, decode, tone_levels

CODECS = {"libvorbis": 22_050, "libopus": 48_000, "flac": 22_050}
"""With the sample rate of the second link: Opus has one rate only."""


def link(folder: Path, name: str, codec: str, tones: str, rate: int, seconds: float = 5) -> bytes:
    """Make one Ogg file; `tones` is an expression for each channel."""
    path = folder / f"{name}.ogg"
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={tones}:s={rate}:d={seconds}", "-c:a", codec, path)
    return path.read_bytes()


def pcm_of(content: bytes, folder: Path) -> Pcm:
    (folder / "out.wav").write_bytes(content)
    return decode(folder / "out.wav")


STEREO, MONO = ".25*sin(600*PI*t)|.25*sin(1000*PI*t)", ".25*sin(1400*PI*t)"


@pytest.mark.parametrize("codec", CODECS)
def test_links_of_different_formats_are_converted_whole(
    codec: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    first = link(tmp_path, "stereo", codec, STEREO, 48_000 if codec == "libopus" else 44_100)
    second = link(tmp_path, "mono", codec, MONO, CODECS[codec])
    made = convert(engine, first + second, "wav")
    pcm = pcm_of(made.content, tmp_path)
    rate = pcm.sample_rate
    assert (rate, pcm.speakers) == (48_000 if codec == "libopus" else 44_100, ("FL", "FR"))
    assert pcm.samples.shape[1] == pytest.approx(10 * rate, abs=rate / 1000)
    levels = [
        tone_levels(row[begin * rate : (begin + 3) * rate], rate, [300, 500, 700])
        for begin in (1, 6)
        for row in pcm.samples
    ]
    loudest = [max(each, key=lambda tone: each[tone]) for each in levels]
    assert loudest == [300, 500, 700, 700]
    assert [max(each.values()) for each in levels] == pytest.approx([-12.04] * 4, abs=0.3)
    codes = {warning.code for warning in made.result.warning_details}
    assert codes == {"format_changes"} | ({"source_is_lossy"} if codec != "flac" else set())
    source = made.ticks[-1].source
    assert source is not None
    assert source.duration == pytest.approx(10, abs=0.01)


@pytest.mark.parametrize("codec", CODECS)
def test_links_of_one_format_add_and_drop_nothing(
    codec: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """FFmpeg's own demuxer adds 13 ms at a link of Vorbis."""
    rate = 48_000 if codec == "libopus" else 44_100
    parts = [link(tmp_path, f"{n}", codec, STEREO, rate, n) for n in (3, 4, 5)]
    made = convert(engine, b"".join(parts), "wav")
    got = pcm_of(made.content, tmp_path).samples
    whole = np.concatenate([decode(tmp_path / f"{n}.ogg").samples for n in (3, 4, 5)], axis=1)
    assert got.shape == whole.shape
    assert np.abs(got - whole).max() < 1e-4
    assert {warning.code for warning in made.result.warning_details} <= {"source_is_lossy"}


@pytest.mark.parametrize("count", [20, 34])
def test_a_chain_of_many_songs_is_whole(count: int, engine: FfmpegEngine, tmp_path: Path) -> None:
    """Of more than eight, FFmpeg stopped at the first other format, and the file was "damaged"."""
    parts = [
        link(tmp_path, "stereo", "libvorbis", STEREO, 44_100, 0.5),
        link(tmp_path, "mono", "libvorbis", MONO, 22_050, 0.5),
    ]
    chain = [parts[0]] * (count - 20) + parts * 10  # more than 32 are partly decoded together
    made = convert(engine, b"".join(chain), "wav")
    assert {w.code for w in made.result.warning_details} == {"format_changes", "source_is_lossy"}
    assert f"a chain of {count} streams" in " ".join(made.result.warnings)
    assert made.result.duration == pytest.approx(count / 2, abs=0.02 * count)


def test_a_range_and_processing_cross_a_link(engine: FfmpegEngine, tmp_path: Path) -> None:
    first = link(tmp_path, "stereo", "libvorbis", STEREO, 44_100)
    second = link(tmp_path, "mono", "libvorbis", MONO, 22_050)
    made = convert(
        engine, first + second, "flac", start=3.0, end=8.0, fade_out=1.0, normalize=-20.0
    )
    assert made.result.duration == pytest.approx(5, abs=0.001)
    assert made.result.warnings[0].startswith("This file is a chain of 2 streams")


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("recorded_first", [True, False])
def test_a_recording_of_a_running_station_is_whole(
    codec: str, recorded_first: bool, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """The granules of a station count from when it began, not from when the recording did."""
    rate = 48_000 if codec == "libopus" else 44_100
    link(tmp_path, "station", codec, MONO, rate, 90)
    station, rip = tmp_path / "station.ogg", tmp_path / "rip.ogg"
    ffmpeg("-ss", "60", "-i", station, "-c", "copy", "-copyts", rip)
    parts = [rip.read_bytes(), link(tmp_path, "next", codec, MONO, rate)]
    made = convert(engine, b"".join(parts if recorded_first else parts[::-1]), "wav")
    # The seek ended at the beginning of a page.
    assert made.result.duration == pytest.approx(35, abs=1.5)
    assert {warning.code for warning in made.result.warning_details} <= {"source_is_lossy"}
    source = made.ticks[-1].source
    assert source is not None
    assert source.duration == pytest.approx(35, abs=2)


def test_a_file_of_one_link_is_no_chain(tmp_path: Path) -> None:
    content = link(tmp_path, "one", "libvorbis", STEREO, 44_100)
    for source in (content, content + b"OggS", content[: len(content) // 2], b"OggS" * 1000):
        cache = SourceCache(MemorySource(source))
        try:
            assert ogg_links.find_links(cache, lambda: None) == []
        finally:
            cache.close()


def flac_page(serial: int, flags: int = 0, granule: int = 0, size: int = 0) -> bytes:
    """Return a page of FLAC; one that begins a stream states mono at 48 kHz."""
    body = bytes(size)
    if flags & 2:
        packed = 48_000 << 12 | 15 << 4
        body = b"\x7fFLAC" + bytes(22) + packed.to_bytes(4, "big") + bytes(20)
    lacing = bytes([255] * (len(body) // 255) + [len(body) % 255])
    header = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, 0, 0, len(lacing))
    return header + lacing + body


def found(content: bytes) -> tuple[list[OggLink], int, int]:
    """Return the links, the bytes that were read, and the number of steps."""
    source, steps = MemorySource(content), []
    cache = SourceCache(source)
    try:
        links = ogg_links.find_links(cache, lambda: steps.append(1))
    finally:
        cache.close()
    return list(links), sum(end - start for start, end in source.reads), len(steps)


def large_chain(last_serial: int, pages: int = 660) -> bytes:
    middle = flac_page(1, granule=48_000, size=64_000) * pages
    return flac_page(1, 2) + middle + flac_page(last_serial, 2) + flac_page(last_serial, 4, 24_000)


def test_a_large_file_is_read_only_if_its_last_page_is_of_another_link() -> None:
    """Reading 40 MiB before the start would only delay it."""
    links, read, steps = found(large_chain(1))
    assert (links, steps) == ([], 0)
    assert read <= 12 * 1024 * 1024, "more than the ends, and a block that is read ahead"
    links, read, steps = found(large_chain(2))
    assert [link.seconds for link in links] == [1, 0.5]
    assert steps > 100, "nothing renews the lease while so much is read"


def test_a_chain_that_would_take_much_memory_is_left_to_ffmpeg() -> None:
    """The whole file stays in memory, also while its conversion is paused."""
    links, read, _ = found(large_chain(2, 1050))
    assert (links, read) == ([], 0)


def test_a_file_of_countless_pages_is_no_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = flac_page(1, 2) + flac_page(1) * 90 + flac_page(2, 2) + flac_page(2, granule=48_000)
    assert len(found(chain)[0]) == 2
    monkeypatch.setattr(ogg_links, "_MAX_PAGES", 90)
    assert found(chain)[0] == []


def test_pages_that_tell_nothing_new_cost_little() -> None:
    """Half a million of them took two seconds, in which Python ran nothing else."""
    count = 2000
    chain = flac_page(1, 2) + flac_page(1, granule=480) * count + flac_page(2, 2)
    chain += flac_page(2, granule=48_000) + flac_page(2, granule=96_000)
    cache = SourceCache(MemorySource(chain))
    try:
        pages = list(ogg_pages.describe_pages(cache, lambda: None, count + 5))
        assert list(ogg_pages.describe_pages(cache, lambda: None, count))[-1] is None
    finally:
        cache.close()
    assert [page and page.granule for page in pages] == [0, 480, 480, 0, 48_000, 96_000]
    links, _, steps = found(chain)
    assert [link.seconds for link in links] == [0.01, 2]
    assert steps == 1, "the end of the file is read again for each page"


def test_a_chain_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    """Each link has a reader of its own, so all of the file is in memory."""
    chain = link(tmp_path, "one", "flac", MONO, 44_100, 1) * 2
    assert convert(FfmpegEngine(limits=Limits(max_whole_source=len(chain))), chain, "wav").content

    with pytest.raises(MediaError) as refusal:
        convert(FfmpegEngine(limits=Limits(max_whole_source=len(chain) - 1)), chain, "wav")

    assert refusal.value.code == "too_large"


@pytest.mark.parametrize("rate", [999, 768_001, 2**32 - 1])
def test_a_later_link_with_an_unusual_rate_is_refused(
    rate: int, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """All links are resampled to the highest rate, which was any number of 32 bits."""
    content = link(tmp_path, "one", "libvorbis", MONO, 44_100, 1)
    at = content.index(b"\x01vorbis") + 12
    forged = content[:at] + rate.to_bytes(4, "little") + content[at + 4 :]

    with pytest.raises(MediaError) as refusal:
        convert(engine, content + forged, "wav")

    assert refusal.value.failure.reason == "unsupported_sample_rate"
    assert f"has {rate} samples" in refusal.value.detail


def test_links_that_are_too_long_together_are_refused(engine: FfmpegEngine, tmp_path: Path) -> None:
    content = link(tmp_path, "one", "libvorbis", MONO, 44_100, 2)
    at = content.rindex(b"OggS") + 6
    forged = content[:at] + (44_100 * 90_000).to_bytes(8, "little") + content[at + 8 :]

    with pytest.raises(MediaError) as refusal:
        convert(engine, content + forged, "wav")

    assert refusal.value.code == "too_long"
    assert convert(engine, content + forged, "wav", end=1.0).result.duration == pytest.approx(1)


def test_forged_granules_make_no_endless_time_limit() -> None:
    """The sum of a recording's links is an estimate, so it may be above the longest duration."""
    limits = Limits()
    assert limits.wall(2**63 / 1000) == limits.wall(None) == limits.max_duration
    assert limits.wall(7200) == 7200
