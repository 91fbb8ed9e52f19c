"""Convert every kind of input to every output format; see `format_tables` for the document."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.core.domain.formats import FORMATS
from services.conversion.ffmpeg.profiles import ENCODER_PROFILES
from services.conversion.pipeline.engine import FfmpegEngine
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import Heard, convert, listen, pictures
from tests.conversion.pipeline.format_tables import Table, check_section

ID3 = ("-id3v2_version", "3")

INPUTS: dict[str, Callable[[AudioFiles], Path]] = {
    "wav 16 bit": lambda s: s.tagged("m.wav"),
    "wav 24 bit, 96 kHz": lambda s: s.tagged("m24.wav", "-c:a", "pcm_s24le", rate=96000),
    "flac": lambda s: s.tagged("m.flac", "-sample_fmt", "s16", cover=True),
    "mp3": lambda s: s.tagged("m.mp3", *ID3, cover=True),
    "m4a": lambda s: s.tagged("m.m4a", cover=True),
    "aac": lambda s: s.tagged("m.aac", "-write_id3v2", "1"),
    "ogg": lambda s: s.tagged("m.ogg", "-c:a", "libvorbis"),
    "opus": lambda s: s.tagged("m.opus", "-c:a", "libopus", "-ar", "48000"),
    "aiff": lambda s: s.tagged("m.aiff", "-write_id3v2", "1", *ID3, cover=True),
    "wma": lambda s: s.tagged("m.wma"),
    "mp4 film": lambda s: s.video(
        "m.mp4", "-c:v", "mpeg4", "-c:a", "aac", "-metadata", "title=Ein Lied; mit = Zeichen #1"
    ),
}
CODECS = {
    "mp3": "mp3", "aac": "aac", "m4a": "aac", "ogg": "vorbis", "opus": "opus", "flac": "flac",
    "alac": "alac", "wma": "wmav2", "ac3": "ac3",
}  # fmt: skip
PCM = {"wav": "pcm_s{}le", "aiff": "pcm_s{}be"}


@dataclass
class Carries:
    """Hold which parts besides the sound a file has."""

    tags: bool
    cover: bool
    chapters: bool

    def __str__(self) -> str:
        return " ".join(name for name, there in vars(self).items() if there) or "–"


RESULTS = Table("Results for each input", INPUTS, FORMATS)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("kind", INPUTS)
def test_every_input_converts_to_every_output(
    kind: str, fmt: str, engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    path = INPUTS[kind](sounds)
    source, had = listen(path), carried(path, sounds)
    output = tmp_path / f"out.{FORMATS[fmt].extension}"
    made = convert(engine, path, fmt)
    output.write_bytes(made.content)
    heard, profile = listen(output), ENCODER_PROFILES[fmt]

    assert heard.seconds == pytest.approx(source.seconds, abs=0.05)
    if profile.states_duration:
        assert heard.header == pytest.approx(2, abs=0.1)
    assert made.result.duration == pytest.approx(2, abs=0.1)
    depth = 24 if "24" in kind and "" not in profile.encoders else 16
    assert heard.codec == CODECS.get(fmt, PCM.get(fmt, "").format(depth))
    if "" not in profile.encoders:
        assert heard.bits == depth
    rate = source.sample_rate
    if profile.rates and rate not in profile.rates:
        rate = 48000
        assert any("resampled" in warning for warning in made.result.warnings)
    assert (heard.sample_rate, heard.channels) == (rate, "stereo")

    has = carried(output, sounds)
    assert has.tags == (had.tags and bool(profile.tags))
    assert has.cover == (had.cover and bool(profile.cover))
    assert has.chapters == (had.chapters and bool(profile.chapters))
    assert had.cover == has.cover or any("cover" in warning for warning in made.result.warnings)
    assert had.chapters == has.chapters or any(
        "chapters" in warning for warning in made.result.warnings
    )
    RESULTS.note(kind, fmt, f"{describe(heard)}<br>{has}")


def test_the_table_of_results_is_up_to_date() -> None:
    RESULTS.check()


def test_the_table_of_formats_is_up_to_date() -> None:
    lines = [
        "| format | file | encoder | lossless | bitrates | quality | sample rates to choose"
        " | channels | bits |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for fmt in FORMATS.values():
        encoders = ", ".join(dict.fromkeys(ENCODER_PROFILES[fmt.name].encoders.values()))
        scale = fmt.quality
        quality = f"{scale.min} to {scale.max}, best {scale.best}" if scale else ""
        bitrates = f"{fmt.bitrates[0]} to {fmt.bitrates[-1]}" if fmt.bitrates else ""
        rates = str(fmt.sample_rates[0])
        if len(fmt.sample_rates) > 1:
            rates += f" to {fmt.sample_rates[-1]}"
        depths = ", ".join(map(str, fmt.bit_depths))
        channels = ", ".join(map(str, fmt.channels))
        lines.append(
            f"| {fmt.name} | .{fmt.extension} {fmt.media_type} | {encoders}"
            f" | {'yes' if fmt.lossless else 'no'} | {bitrates} | {quality} "
            f"| {rates} | {channels} | {depths} |"
        )
    check_section("Output formats", lines)


def carried(path: Path, sounds: AudioFiles) -> Carries:
    words = listen(path).words.partition("Output #0")[0]
    return Carries(
        "Ein Lied; mit = Zeichen #1" in words,
        sounds.cover.read_bytes() in pictures(path),
        "Schluß" in words,
    )


def describe(heard: Heard) -> str:
    depth = f", {heard.bits} bit" if heard.bits else ""
    return f"{heard.codec} {heard.sample_rate / 1000:g} kHz{depth}"
