"""Convert truncated files: a warning says how much is missing, or they are refused."""

from dataclasses import dataclass

import pytest

from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import convert

FILM = ("-c:v", "mpeg4", "-c:a", "aac")


@dataclass(frozen=True)
class Kind:
    """Hold how a file is made, and what becomes of a part of it."""

    name: str
    options: tuple[str, ...] = ()
    film: bool = False
    ends: str = "missing"
    """`missing`: the file states its duration; `cut off`: it does not, and the warning says where
    it ends; `corrupt`: it cannot be read."""


KINDS = {
    "mp3": Kind("t.mp3", ("-b:a", "128k")),
    "mp3 of variable bitrate": Kind("v.mp3", ("-q:a", "2")),
    "mp3 that does not know how long it is": Kind(
        "n.mp3", ("-b:a", "128k", "-write_xing", "0"), ends="cut off"
    ),
    "mp2": Kind("t.mp2", ends="cut off"),
    "wav": Kind("t.wav"),
    "rf64": Kind("r.wav", ("-rf64", "always")),
    "w64": Kind("t.w64"),
    "aiff": Kind("t.aiff"),
    "caf": Kind("t.caf", ("-c:a", "pcm_s16le")),
    "flac": Kind("t.flac"),
    "alac": Kind("l.m4a", ("-c:a", "alac", "-movflags", "+faststart")),
    "m4a with its index in front": Kind("f.m4a", ("-movflags", "+faststart")),
    "m4a with its index at the end": Kind("t.m4a", ends="corrupt"),
    "m4a in fragments": Kind(
        "g.m4a",
        ("-movflags", "+frag_keyframe+empty_moov", "-frag_duration", "500000"),
        ends="missing or cut off",
    ),
    "aac": Kind("t.aac", ends="cut off"),
    "ac3": Kind("t.ac3", ends="cut off"),
    "eac3": Kind("t.eac3", ends="cut off"),
    "ogg": Kind("t.ogg", ("-c:a", "libvorbis"), ends="cut off"),
    "opus": Kind("t.opus", ("-c:a", "libopus", "-ar", "48000"), ends="cut off"),
    "wma": Kind("t.wma"),
    "wavpack": Kind("t.wv"),
    "tta": Kind("t.tta"),
    "mka": Kind("t.mka", ("-c:a", "flac")),
    "mkv film": Kind("t.mkv", FILM, film=True),
    "webm film": Kind("t.webm", ("-c:v", "libvpx", "-c:a", "libvorbis"), film=True),
    "avi film": Kind("t.avi", ("-c:v", "mpeg4", "-c:a", "mp3"), film=True),
    "mp4 film with its index in front": Kind(
        "f.mp4", (*FILM, "-movflags", "+faststart"), film=True
    ),
    "mp4 film with its index at the end": Kind("t.mp4", FILM, film=True, ends="corrupt"),
    "mov film with its index at the end": Kind("t.mov", FILM, film=True, ends="corrupt"),
    "broadcast": Kind("t.ts", FILM, film=True, ends="missing or cut off"),
}


def made_of(kind: Kind, sounds: AudioFiles) -> bytes:
    make = (
        sounds.video if kind.film else lambda name, *options: sounds.tone(name, *options, seconds=6)
    )
    return make(f"cut.{kind.name}", *kind.options).read_bytes()


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_file_causes_no_warning(
    name: str, engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    made = convert(engine, made_of(KINDS[name], sounds), "mp3")
    assert not [
        w
        for w in made.result.warnings
        if any(word in w for word in ("missing", "cut off", "damaged", "shorter"))
    ]


@pytest.mark.parametrize("name", KINDS)
def test_the_end_of_a_file_does_not_go_missing_silently(
    name: str, engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    kind, whole = KINDS[name], made_of(KINDS[name], sounds)
    seconds = 2 if kind.film else 6
    cut = whole[: len(whole) * 7 // 10 + 100]  # no border of frames or packets
    if kind.ends == "corrupt":
        with pytest.raises(MediaError) as refusal:
            convert(engine, cut, "mp3")
        assert refusal.value.code == "corrupt"
        assert "incomplete" in refusal.value.detail
        return
    result = convert(engine, cut, "mp3").result
    assert 0.5 * seconds < result.duration < 0.8 * seconds
    told = [
        w
        for w in result.warnings
        if ("missing" in w and "missing" in kind.ends)
        or ("cut off" in w and "cut off" in kind.ends)
    ]
    assert told, result.warnings
    if "or" in kind.ends:  # it knows how long a part of it is, and not how many there were
        return
    missing, read = seconds - result.duration, result.duration
    assert f"{missing:.1f}"[:-1] in told[0] or f"{read:.1f}"[:-1] in told[0]


@pytest.mark.parametrize(
    "name", [n for n in KINDS if KINDS[n].ends == "missing" and not KINDS[n].film]
)
def test_a_quarter_of_a_file_that_states_its_duration_is_refused(
    name: str, engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    whole = made_of(KINDS[name], sounds)
    with pytest.raises(MediaError) as refusal:
        convert(engine, whole[: len(whole) // 4], "mp3")
    assert refusal.value.code == "corrupt"
    assert "of its 6.0 seconds can be read" in refusal.value.detail


def test_a_range_before_the_truncation_is_complete(
    engine: FfmpegEngine, sounds: AudioFiles
) -> None:
    for name in ("ogg", "mp3 that does not know how long it is", "mp3"):
        whole = made_of(KINDS[name], sounds)
        made = convert(engine, whole[: len(whole) // 2], "mp3", start=0.5, end=1.5)
        assert made.result.duration == pytest.approx(1, abs=0.05)
        assert made.result.warnings == ()
