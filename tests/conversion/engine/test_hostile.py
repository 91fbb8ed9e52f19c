"""Files from enemies: refused in words or converted right, quickly, in little memory, without reaching anything else."""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from libs.core.domain.uploads import GIB, MIB
from services.conversion.pipeline.engine import FfmpegEngine, Limits
from services.conversion.ports import MediaError
from tests.conversion.engine.conftest import Sounds
from tests.conversion.engine.hostile import CORPUS, Targets, png
from tests.conversion.engine.support import Made, convert, listen
from tests.conversion.engine.victim import Answer, Victim, processor_time
from tests.conversion.engine.watch import Listener, Watched

LONGEST = 10.0
"""Seconds of processor time for any of them: a machine that does nothing else takes no longer by the clock."""
LONGEST_BY_THE_CLOCK = 90.0
"""On one that does a lot else. All of an engine's own limits are in it, those of waiting too."""
CODES = {
    "not_audio",
    "no_audio_stream",
    "corrupt",
    "too_long",
    "too_large",
    "unsupported_codec",
    "timed_out",
}
SECRET = "tp-secret-4f7a"
SEED = int(os.environ.get("TINYPIXO_SEED", "20261122"))
REAL = {
    "mp3": (),
    "flac": (),
    "m4a": (),
    "ogg": ("-c:a", "libvorbis"),
    "wav": (),
    "wma": (),
    "aiff": (),
    "mka": ("-c:a", "flac"),
}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the jail is Linux's, and so is inotify"
)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def targets(
    listener: Listener, sounds: Sounds, tmp_path_factory: pytest.TempPathFactory
) -> Targets:
    """The secret file sounds when played: whoever reads it gets a result."""
    folder = tmp_path_factory.mktemp("private")
    secret = folder / "secret.mp3"
    secret.write_bytes(sounds.tone("secret.mp3", "-metadata", f"title={SECRET}").read_bytes())
    return Targets(listener.url, secret, sounds)


@pytest.fixture(scope="module")
def secret(targets: Targets) -> Iterator[Watched]:
    watched = Watched(targets.secret)
    yield watched
    watched.close()


@pytest.fixture(scope="module")
def victim() -> Iterator[Victim]:
    """One worker for all of them, one after the other: whoever harms it harms the rest."""
    with Victim() as victim:
        yield victim


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_refused_or_converted(
    name: str, victim: Victim, targets: Targets, listener: Listener, secret: Watched, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(CORPUS[name](targets))
    answer = victim.convert(path, "mp3")
    assert victim.alive
    if answer.code:
        assert answer.code in CODES, answer
        assert is_a_sentence(answer.detail)
    else:
        check_result(answer, path.with_suffix(".out"))
    assert listener.visitors == []
    assert secret.touched() == 0
    assert answer.cpu < LONGEST
    assert answer.seconds < LONGEST_BY_THE_CLOCK
    assert answer.memory < GIB


def check_result(answer: Answer, made: Path) -> None:
    """It is an MP3 that plays to its end, of reasonable size, and nothing of the secret."""
    content = made.read_bytes()
    assert len(content) < 40 * MIB
    assert SECRET.encode() not in content
    assert SECRET not in answer.source
    assert listen(made).codec == "mp3"


def is_a_sentence(detail: str) -> bool:
    """And nothing of FFmpeg's, which speaks of addresses in memory and of file descriptors."""
    return (
        detail[0].isupper()
        and detail.endswith(".")
        and not any(word in detail for word in ("fd:", "0x", "[", "Error", "/"))
    )


@pytest.mark.parametrize("name", ["ffconcat of a file", "ffconcat of a server", "ffmetadata"])
def test_the_whitelist_alone_would_stop_it(
    name: str, engine: FfmpegEngine, targets: Targets
) -> None:
    """Each wall is looked at by itself: behind this one stand the protocols, and behind those the kernel."""
    with pytest.raises(MediaError) as refusal:
        convert(engine, CORPUS[name](targets), "mp3")
    assert "Format not on whitelist" in refusal.value.operator_detail


def test_a_cover_is_not_decoded(targets: Targets, tmp_path: Path) -> None:
    """Decoded, this one takes 900 MB."""
    (tmp_path / "bomb").write_bytes(CORPUS["cover of 15000 by 15000"](targets))
    with Victim() as victim:
        answer = victim.convert(tmp_path / "bomb", "flac")
    assert png(15000, 15000) in (tmp_path / "bomb.out").read_bytes()
    assert answer.memory < 200 * MIB


def test_looking_at_a_file_is_cut_short(tmp_path: Path, sounds: Sounds) -> None:
    """By a limit of its own, for what costs a demuxer its time: here by a converter that never gets anywhere."""
    program = tmp_path / "ffmpeg"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *-version) echo ffmpeg;; *-protocols) echo "  fd";; *) while :; do :; done;; esac\n'
    )
    program.chmod(0o755)
    before = processor_time()
    with pytest.raises(MediaError) as refusal:
        convert(FfmpegEngine(str(program), Limits(probe_cpu=1)), sounds.tone("song.wav"), "mp3")
    assert refusal.value.code == "timed_out"
    assert processor_time() - before < 4


def test_there_are_enough_of_them() -> None:
    assert len(CORPUS) >= 40


@seed(SEED)
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(sorted(REAL)),
    chance=st.integers(0, 2**32),
    output=st.sampled_from(["mp3", "flac", "m4a"]),
)
def test_whatever_happens_to_a_real_file(
    engine: FfmpegEngine, sounds: Sounds, kind: str, chance: int, output: str
) -> None:
    """Bytes are changed, removed, doubled and moved; the seed is printed when it fails."""
    note(f"TINYPIXO_SEED={SEED}")
    before = processor_time()
    attempt(
        engine,
        mutate(sounds.tone(f"real.{kind}", *REAL[kind]).read_bytes(), random.Random(chance)),
        output,
    )
    assert processor_time() - before < LONGEST


def attempt(engine: FfmpegEngine, content: bytes, fmt: str) -> Made | MediaError:
    """What came of it: a result, or a refusal that blames the file and says so in a sentence."""
    try:
        return convert(engine, content, fmt)
    except MediaError as error:
        refusal = error
    assert refusal.code in CODES, f"{refusal}\n{refusal.operator_detail}"
    assert is_a_sentence(refusal.detail)
    return refusal


def mutate(content: bytes, chance: random.Random) -> bytes:
    twisted = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        start = (
            chance.randrange(len(twisted))
            if chance.random() < 0.5
            else chance.randrange(min(600, len(twisted)))
        )
        length = chance.choice([1, 2, 4, 16, 300, 5000])
        piece = twisted[start : start + length]
        match chance.randrange(4):
            case 0:
                twisted[start : start + length] = chance.randbytes(len(piece))
            case 1 if len(twisted) > length + 1000:
                del twisted[start : start + length]
            case 2:
                twisted[start:start] = piece
            case _:
                twisted[start : start + length] = bytes(
                    [chance.choice([0, 0x7F, 0x80, 0xFF])]
                ) * len(piece)
    return bytes(twisted)


def test_all_of_it_took_little_memory_and_the_engine_still_works(
    victim: Victim, sounds: Sounds, tmp_path: Path
) -> None:
    """After the whole corpus, by the worker that met it."""
    (tmp_path / "song").write_bytes(sounds.tone("song.wav").read_bytes())
    answer = victim.convert(tmp_path / "song", "mp3")
    assert answer.code == ""
    assert answer.memory < GIB
    assert listen(tmp_path / "song.out").seconds == pytest.approx(2, abs=0.05)


def test_an_empty_file_is_refused(engine: FfmpegEngine) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(engine, b"", "mp3")
    assert refusal.value.code == "not_audio"


def test_no_file_outside_was_read(targets: Targets, engine: FfmpegEngine, secret: Watched) -> None:
    """By those that name one, whatever they are to become."""
    for name in (
        "playlist of a file",
        "playlist in a playlist",
        "ffconcat of a file",
        "track in another file",
        "avi with a playlist as subtitle",
    ):
        for fmt in ("wav", "m4a", "ogg"):
            attempt(engine, CORPUS[name](targets), fmt)
    assert secret.touched() == 0
    targets.secret.read_bytes()
    assert secret.touched() > 0, "it would have been noticed"
