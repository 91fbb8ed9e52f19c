"""Files from enemies: refused in words or converted right, quickly, in little memory, without reaching anything else."""

import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from libs.core.domain.uploads import GIB, MIB
from services.conversion.adapters.engine import FfmpegEngine
from services.conversion.ports import MediaError
from tests.conversion.engine.conftest import Sounds
from tests.conversion.engine.hostile import CORPUS, Targets, png
from tests.conversion.engine.support import Made, convert

LONGEST = 10.0
"""Seconds for any of them."""
CODES = {"not_audio", "no_audio_stream", "corrupt", "too_long", "too_large", "unsupported_codec", "timed_out"}
SECRET = "tp-secret-4f7a"
SEED = int(os.environ.get("TINYPIXO_SEED", "20261122"))
REAL = {"mp3": (), "flac": (), "m4a": (), "ogg": ("-c:a", "libvorbis"), "wav": (), "wma": (), "aiff": (), "mka": ("-c:a", "flac")}


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[object]]]:
    """A server on this machine, and who came."""
    visitors: list[object] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                guest, address = server.accept()
            except OSError:
                return
            visitors.append(address)
            guest.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", visitors
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


@pytest.fixture(scope="module")
def targets(listener: tuple[str, list[object]], sounds: Sounds, tmp_path_factory: pytest.TempPathFactory) -> Targets:
    """The secret file sounds when played: whoever reads it gets a result."""
    folder = tmp_path_factory.mktemp("private")
    secret = folder / "secret.mp3"
    secret.write_bytes(sounds.tone("secret.mp3", "-metadata", f"title={SECRET}").read_bytes())
    return Targets(listener[0], secret, sounds)


@pytest.mark.parametrize("name", CORPUS)
def test_it_is_refused_or_converted(name: str, engine: FfmpegEngine, targets: Targets, listener: tuple[str, list[object]]) -> None:
    content = CORPUS[name](targets)
    began = time.monotonic()
    made = attempt(engine, content, "mp3")
    if isinstance(made, Made):
        assert SECRET.encode() not in made.content
        assert SECRET not in str(made.ticks)
        assert len(made.content) < 40 * MIB
    assert time.monotonic() - began < LONGEST
    assert listener[1] == []


@pytest.mark.parametrize("name", ["ffconcat of a file", "ffconcat of a server", "ffmetadata"])
def test_the_whitelist_alone_would_stop_it(name: str, engine: FfmpegEngine, targets: Targets) -> None:
    """Each wall is looked at by itself: behind this one stand the protocols, and behind those the kernel."""
    with pytest.raises(MediaError) as refusal:
        convert(engine, CORPUS[name](targets), "mp3")
    assert "Format not on whitelist" in refusal.value.operator_detail


def test_a_cover_is_not_decoded(targets: Targets, tmp_path: Path) -> None:
    """Decoded, this one takes 900 MB. In a process of its own, whose children are FFmpeg's runs alone."""
    (tmp_path / "bomb.mp3").write_bytes(CORPUS["cover of 15000 by 15000"](targets))
    program = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from services.conversion.adapters.engine import FfmpegEngine
from tests.conversion.engine.support import convert
made = convert(FfmpegEngine(), Path({str(tmp_path / "bomb.mp3")!r}), "flac")
Path({str(tmp_path / "out.flac")!r}).write_bytes(made.content)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert png(15000, 15000) in (tmp_path / "out.flac").read_bytes()
    assert int(done.stdout) * 1024 < 200 * MIB


def test_there_are_enough_of_them() -> None:
    assert len(CORPUS) >= 40


@seed(SEED)
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(sorted(REAL)), chance=st.integers(0, 2**32), output=st.sampled_from(["mp3", "flac", "m4a"]))
def test_whatever_happens_to_a_real_file(engine: FfmpegEngine, sounds: Sounds, kind: str, chance: int, output: str) -> None:
    """Bytes are changed, removed, doubled and moved; the seed is printed when it fails."""
    note(f"TINYPIXO_SEED={SEED}")
    began = time.monotonic()
    attempt(engine, mutate(sounds.tone(f"real.{kind}", *REAL[kind]).read_bytes(), random.Random(chance)), output)
    assert time.monotonic() - began < LONGEST


def attempt(engine: FfmpegEngine, content: bytes, fmt: str) -> Made | MediaError:
    """What came of it: a result, or a refusal that blames the file and says so in a sentence."""
    try:
        return convert(engine, content, fmt)
    except MediaError as error:
        refusal = error
    assert refusal.code in CODES, f"{refusal}\n{refusal.operator_detail}"
    assert refusal.detail.endswith(".")
    return refusal


def mutate(content: bytes, chance: random.Random) -> bytes:
    twisted = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(twisted)) if chance.random() < 0.5 else chance.randrange(min(600, len(twisted)))
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
                twisted[start : start + length] = bytes([chance.choice([0, 0x7F, 0x80, 0xFF])]) * len(piece)
    return bytes(twisted)


def test_all_of_it_took_little_memory_and_the_engine_still_works(engine: FfmpegEngine, sounds: Sounds) -> None:
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < GIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < GIB
    assert convert(engine, sounds.tone("song.wav"), "mp3").result.duration == pytest.approx(2, abs=0.1)


def test_an_empty_file_is_refused(engine: FfmpegEngine) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(engine, b"", "mp3")
    assert refusal.value.code == "not_audio"


def test_no_file_outside_was_read(targets: Targets, engine: FfmpegEngine, tmp_path: Path) -> None:
    """The secret's time of last reading stays, on file systems that keep it."""
    os.utime(targets.secret, (1, 2_000_000_000))
    for name in ("playlist of a file", "ffconcat of a file", "track in another file", "avi with a playlist as subtitle"):
        attempt(engine, CORPUS[name](targets), "mp3")
    assert os.stat(targets.secret).st_atime == 1
