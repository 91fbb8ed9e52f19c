"""Mix channels: every layout to every format, and the levels of the law."""

from pathlib import Path

import numpy as np
import pytest

from libs.core.domain.formats import FORMATS
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.media_support import Made, convert, ffmpeg
from tests.conversion.pcm import Pcm, decode, tone_levels
from tests.conversion.pipeline.format_tables import Table

LAYOUTS = {
    "mono": "FC", "stereo": "FL+FR", "2.1": "FL+FR+LFE", "3.0": "FL+FR+FC",
    "3.0(back)": "FL+FR+BC", "4.0": "FL+FR+FC+BC", "quad": "FL+FR+BL+BR",
    "quad(side)": "FL+FR+SL+SR", "3.1": "FL+FR+FC+LFE", "5.0": "FL+FR+FC+BL+BR",
    "4.1": "FL+FR+FC+LFE+BC", "5.1": "FL+FR+FC+LFE+BL+BR", "5.1(side)": "FL+FR+FC+LFE+SL+SR",
    "6.0": "FL+FR+FC+BC+SL+SR", "6.0(front)": "FL+FR+FLC+FRC+SL+SR",
    "6.1": "FL+FR+FC+LFE+BC+SL+SR", "7.0": "FL+FR+FC+BL+BR+SL+SR",
    "7.1": "FL+FR+FC+LFE+BL+BR+SL+SR", "7.1(wide)": "FL+FR+FC+LFE+BL+BR+FLC+FRC",
    "FC+LFE": "FC+LFE", "BL+BR": "BL+BR",
}  # fmt: skip
SAME = {frozenset(("BL", "SL")), frozenset(("BR", "SR"))}
"""Names of one speaker, where a layout has only one of them."""
TONES = (60, 110, 160, 210, 260, 310, 360, 410)
"""Hertz, one for each channel; low enough for the LFE of lossy formats."""
LEVEL = -20.0
AUDIBLE = -45.0
TABLE = Table("Channel layouts", LAYOUTS, FORMATS)


@pytest.fixture(scope="session")
def layout_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Provide a file for each layout, with another tone in each channel."""
    folder = tmp_path_factory.mktemp("layouts")
    files = {}
    for name, speakers in LAYOUTS.items():
        tones = "|".join(
            f"0.1*sin({tone}*2*PI*t)" for tone, _ in zip(TONES, speakers.split("+"), strict=False)
        )
        files[name] = folder / f"{name}.wav"
        ffmpeg("-f", "lavfi", "-i", f"aevalsrc={tones}:c={name}:s=48000:d=1", files[name])
    return files


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_channel_is_merged_dropped_or_added_without_a_warning(
    layout: str, fmt: str, engine: FfmpegEngine, layout_files: dict[str, Path], tmp_path: Path
) -> None:
    made = convert(engine, layout_files[layout], fmt)
    output = tmp_path / f"out.{fmt}"
    output.write_bytes(made.content)
    result, source = decode(output), LAYOUTS[layout].split("+")
    codes = {warning.code for warning in made.result.warning_details}
    heard = {speaker: _tones(result, speaker) for speaker in result.speakers}
    places = {name: [s for s, tones in heard.items() if TONES[i] in tones]
              for i, name in enumerate(source)}  # fmt: skip

    missing = {name for name in source if not places[name]}
    moved = {
        name
        for name in source
        if not any(s == name or {s, name} in SAME for s in places[name]) and name not in missing
    }
    merged = {s for s, tones in heard.items() if len(tones) > 1}
    silent = {s for s, tones in heard.items() if not tones}
    assert bool(missing) == ("channels_dropped" in codes)
    assert missing <= {"LFE"}
    assert bool(silent) == ("channels_added" in codes)
    assert not merged or "channels_mixed" in codes
    assert not moved or codes & {"channels_mixed", "channels_moved"}
    if not merged and not moved:
        for i, name in enumerate(source):
            levels = [_level(result, s, TONES[i]) for s in places[name]]
            tolerance = 2.5 if name == "LFE" else 1.0
            assert levels == pytest.approx([LEVEL] * len(levels), abs=tolerance)
    TABLE.note(layout, fmt, _describe(made, result, missing, silent, merged or moved))


def test_the_table_of_layouts_is_up_to_date() -> None:
    TABLE.check()


@pytest.mark.parametrize("fmt", ["wav", "flac", "aiff"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pcm_of_every_layout_is_identical(
    layout: str, fmt: str, engine: FfmpegEngine, layout_files: dict[str, Path], tmp_path: Path
) -> None:
    if fmt == "aiff" and layout in ("FC+LFE", "BL+BR"):
        pytest.skip("AIFF names no speakers of two channels")
    output = tmp_path / f"out.{fmt}"
    output.write_bytes(convert(engine, layout_files[layout], fmt).content)
    result, source = decode(output), decode(layout_files[layout])
    for name in source.speakers:
        others = [s for s in result.speakers if {s, name} in SAME]
        same = name if name in result.speakers else others[0]
        assert np.array_equal(result.channel(same), source.channel(name))


LOUD = "0.9*sin(500*2*PI*t)"


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize(
    ("source", "channels"), [("stereo", 1), ("mono", 2), ("5.1", 2), ("5.1", 1)]
)
def test_mixing_loud_sound_keeps_its_level_in_every_format(
    source: str, channels: int, fmt: str, engine: FfmpegEngine, tmp_path: Path
) -> None:
    """Equal channels at -0.9 dB stay at -0.9 dB: the average of a pair, a centre in both."""
    count = len(LAYOUTS[source].split("+"))
    tones = "|".join([LOUD] * count)
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={tones}:c={source}:s=48000:d=2", tmp_path / "in.wav")
    made = convert(engine, tmp_path / "in.wav", fmt, channels=channels)
    output = tmp_path / f"out.{fmt}"
    output.write_bytes(made.content)
    result = decode(output)
    assert len(result.speakers) == channels
    for row in result.samples:
        middle = row[len(row) // 4 : -len(row) // 4]
        assert tone_levels(middle, result.sample_rate, [500])[500] == pytest.approx(-0.92, abs=0.5)
    assert not [w for w in made.result.warning_details if w.code in ("clipped", "above_full_scale")]


def test_surround_is_mixed_to_stereo_by_bs_775(
    engine: FfmpegEngine, layout_files: dict[str, Path], tmp_path: Path
) -> None:
    """ITU-R BS.775-4, annex 4: L + 0.7071 C + 0.7071 Ls, reduced so that it cannot clip."""
    output = tmp_path / "out.wav"
    output.write_bytes(convert(engine, layout_files["5.1"], "wav", channels=2).content)
    result, total = decode(output), 1 + 2 * 0.5**0.5
    left = {60: 1, 160: 0.5**0.5, 260: 0.5**0.5}
    right = {110: 1, 160: 0.5**0.5, 310: 0.5**0.5}
    for speaker, gains in (("FL", left), ("FR", right)):
        for tone in TONES[:6]:
            expected = LEVEL + 20 * np.log10(gains[tone] / total) if tone in gains else -90
            level = _level(result, speaker, tone)
            assert level == pytest.approx(expected, abs=0.1) if tone in gains else level < -80


@pytest.mark.parametrize("channels", [9, 12, 16, 24])
def test_more_than_eight_channels_are_refused_by_their_number(
    channels: int, engine: FfmpegEngine, tmp_path: Path
) -> None:
    tones = "|".join(f"0.05*sin({100 * n}*PI*t)" for n in range(1, channels + 1))
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={tones}:s=48000:d=1", tmp_path / "many.wav")
    with pytest.raises(MediaError, match="up to 8 channels") as refusal:
        convert(engine, tmp_path / "many.wav", "mp3")
    assert refusal.value.code == "unsupported_codec"
    assert f"has {channels} channels" in refusal.value.detail


def _tones(result: Pcm, speaker: str) -> set[int]:
    return {tone for tone in TONES if _level(result, speaker, tone) > AUDIBLE}


def _level(result: Pcm, speaker: str, tone: float) -> float:
    samples = result.channel(speaker)
    middle = samples[result.sample_rate // 10 : -result.sample_rate // 10]
    return tone_levels(middle, result.sample_rate, [tone])[tone]


def _describe(made: Made, result: Pcm, missing: set[str], silent: set[str], mixed: set[str]) -> str:
    named = LAYOUTS | {"5.0(side)": "FL+FR+FC+SL+SR", "6.1(back)": "FL+FR+FC+LFE+BL+BR+BC"}
    named["7.1"] = "FL+FR+FC+LFE+BL+BR+SL+SR"
    names = {frozenset(v.split("+")): k for k, v in named.items()}
    text = names.get(frozenset(result.speakers), "+".join(result.speakers))
    if mixed:
        text += " mixed" if made.result.warning_details[0].code != "channels_moved" else " moved"
    if missing:
        text += f", without {' '.join(sorted(missing))}"
    if silent:
        text += f", {' '.join(s for s in result.speakers if s in silent)} silent"
    return text
