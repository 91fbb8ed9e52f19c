"""Refuse or convert hostile files in little time and memory, without access to anything."""

import os
import platform
import random
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, seed, settings
from hypothesis import strategies as st

from libs.core.domain.uploads import GIB, MIB
from services.conversion.pipeline.engine import FfmpegEngine, Limits
from services.conversion.ports import MediaError
from tests.conversion.audio_files import AudioFiles
from tests.conversion.media_support import Made, convert, listen
from tests.conversion.sandbox.hostile_files import CORPUS, Targets, png
from tests.conversion.sandbox.watches import FileWatch, ServerWatch
from tests.conversion.sandbox.worker_process import Answer, WorkerProcess, processor_time

MAX_CPU_SECONDS = 10.0
"""Seconds of CPU time for each file."""
MAX_SECONDS = 90.0
"""Seconds for each file on a busy machine: more than all time limits of the engine."""
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
    sys.platform != "linux", reason="seccomp and inotify exist on Linux only"
)


@pytest.fixture(scope="module")
def listener() -> Iterator[ServerWatch]:
    """Provide a server that no file may reach."""
    listener = ServerWatch()
    yield listener
    listener.close()


@pytest.fixture(scope="module")
def targets(
    listener: ServerWatch, sounds: AudioFiles, tmp_path_factory: pytest.TempPathFactory
) -> Targets:
    """Provide the targets. The secret file is valid audio, so reading it would give a result."""
    folder = tmp_path_factory.mktemp("private")
    secret = folder / "secret.mp3"
    secret.write_bytes(sounds.tone("secret.mp3", "-metadata", f"title={SECRET}").read_bytes())
    return Targets(listener.url, secret, sounds)


@pytest.fixture(scope="module")
def secret(targets: Targets) -> Iterator[FileWatch]:
    """Provide a watch on the secret file."""
    watched = FileWatch(targets.secret)
    yield watched
    watched.close()


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerProcess]:
    """Provide one worker for all files: a file that harms it fails the tests after it."""
    with WorkerProcess() as worker:
        yield worker


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_file_is_refused_or_converted(
    name: str,
    worker: WorkerProcess,
    targets: Targets,
    listener: ServerWatch,
    secret: FileWatch,
    tmp_path: Path,
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(CORPUS[name](targets))
    answer = worker.convert(path, "mp3")
    assert worker.is_alive
    if answer.code:
        assert answer.code in CODES, answer
        assert is_a_sentence(answer.detail)
    else:
        check_result(answer, path.with_suffix(".out"))
    assert listener.clients == []
    assert secret.count_accesses() == 0
    assert answer.cpu < MAX_CPU_SECONDS
    assert answer.seconds < MAX_SECONDS
    assert answer.memory < GIB


def check_result(answer: Answer, made: Path) -> None:
    """Check that it is a whole MP3 of reasonable size without the secret."""
    content = made.read_bytes()
    assert len(content) < 40 * MIB
    assert SECRET.encode() not in content
    assert SECRET not in answer.source
    assert listen(made).codec == "mp3"


def is_a_sentence(detail: str) -> bool:
    """Return True if it is a sentence without FFmpeg's own words, addresses or descriptors."""
    return (
        detail[0].isupper()
        and detail.endswith(".")
        and not any(word in detail for word in ("fd:", "0x", "[", "Error", "/"))
    )


@pytest.mark.parametrize("name", ["ffconcat of a file", "ffconcat of a server", "ffmetadata"])
def test_the_demuxer_allow_list_alone_would_refuse_it(
    name: str, engine: FfmpegEngine, targets: Targets
) -> None:
    """The protocol allow-list and the sandbox come after it."""
    with pytest.raises(MediaError) as refusal:
        convert(engine, CORPUS[name](targets), "mp3")
    assert "Format not on whitelist" in refusal.value.operator_detail


def test_a_cover_is_not_decoded(targets: Targets, tmp_path: Path) -> None:
    """It would take 900 MB."""
    (tmp_path / "bomb").write_bytes(CORPUS["cover of 15000 by 15000"](targets))
    with WorkerProcess() as worker:
        answer = worker.convert(tmp_path / "bomb", "flac")
    assert png(15000, 15000) in (tmp_path / "bomb.out").read_bytes()
    assert answer.memory < 200 * MIB


def test_probing_has_a_cpu_limit_of_its_own(tmp_path: Path, sounds: AudioFiles) -> None:
    """A program that never ends stands in for FFmpeg."""
    engine = FfmpegEngine(limits=Limits(probe_cpu=1))
    assert engine.version
    endless = tmp_path / "endless"
    endless.write_bytes(endless_program())
    endless.chmod(0o755)
    engine._program = str(endless)
    with pytest.raises(MediaError) as refusal:
        convert(engine, sounds.tone("song.wav"), "mp3")
    assert refusal.value.code == "timed_out"
    # A busy machine gives it less than its second until the time-out, which names no signal.
    assert f"signal {signal.SIGXCPU}" in refusal.value.operator_detail


def test_tags_that_take_ffmpeg_too_long_are_not_called_damage(sounds: AudioFiles) -> None:
    """It compares each of 60,000 names with all others, and ignores SIGXCPU meanwhile."""
    texts = [b"\0%x\0v" % number for number in range(60_000)]
    frames = b"".join(b"TXXX" + struct.pack(">IH", len(text), 0) + text for text in texts)
    size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\4\0\0" + size + frames
    with pytest.raises(MediaError) as refusal:
        convert(
            FfmpegEngine(limits=Limits(probe_cpu=1)),
            tag + sounds.tone("song.mp3").read_bytes(),
            "mp3",
        )
    assert refusal.value.code == "timed_out"


def endless_program() -> bytes:
    """Return an ELF file whose only instruction jumps to itself, see elf(5)."""
    code, machine = {"x86_64": (b"\xeb\xfe", 62), "aarch64": (b"\0\0\0\x14", 183)}[
        platform.machine()
    ]
    start, headers = 0x400000, 64 + 56
    size = headers + len(code)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, start + headers, 64, 0, 0,
        64, 56, 1, 0, 0, 0,
    )  # fmt: skip
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 4096)
    return header + segment + code


def test_there_are_at_least_forty_hostile_files() -> None:
    assert len(CORPUS) >= 40


@seed(SEED)
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(sorted(REAL)),
    chance=st.integers(0, 2**32),
    output=st.sampled_from(["mp3", "flac", "m4a"]),
)
def test_a_randomly_damaged_file_is_refused_or_converted(
    engine: FfmpegEngine, sounds: AudioFiles, kind: str, chance: int, output: str
) -> None:
    """The seed is printed when it fails."""
    note(f"TINYPIXO_SEED={SEED}")
    before = processor_time()
    attempt(
        engine,
        mutate(sounds.tone(f"real.{kind}", *REAL[kind]).read_bytes(), random.Random(chance)),
        output,
    )
    assert processor_time() - before < MAX_CPU_SECONDS


def attempt(engine: FfmpegEngine, content: bytes, fmt: str) -> Made | MediaError:
    """Return the result, or a refusal that blames the file in a sentence."""
    try:
        return convert(engine, content, fmt)
    except MediaError as error:
        refusal = error
    assert refusal.code in CODES, f"{refusal}\n{refusal.operator_detail}"
    assert is_a_sentence(refusal.detail)
    return refusal


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Replace, remove, repeat or overwrite some ranges of the content."""
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


def test_the_worker_still_works_after_all_hostile_files(
    worker: WorkerProcess, sounds: AudioFiles, tmp_path: Path
) -> None:
    """It converted all of them before, and its memory stayed small."""
    (tmp_path / "song").write_bytes(sounds.tone("song.wav").read_bytes())
    answer = worker.convert(tmp_path / "song", "mp3")
    assert answer.code == ""
    assert answer.memory < GIB
    assert listen(tmp_path / "song.out").seconds == pytest.approx(2, abs=0.05)


def test_an_empty_file_is_refused(engine: FfmpegEngine) -> None:
    with pytest.raises(MediaError) as refusal:
        convert(engine, b"", "mp3")
    assert refusal.value.code == "not_audio"


def test_no_other_file_is_read(targets: Targets, engine: FfmpegEngine, secret: FileWatch) -> None:
    """Files that name another one are converted to several formats."""
    for name in (
        "playlist of a file",
        "playlist in a playlist",
        "ffconcat of a file",
        "track in another file",
        "avi with a playlist as subtitle",
    ):
        for fmt in ("wav", "m4a", "ogg"):
            attempt(engine, CORPUS[name](targets), fmt)
    assert secret.count_accesses() == 0
    targets.secret.read_bytes()
    assert secret.count_accesses() > 0, "it would have been noticed"
