"""Run the reader of tags in the sandbox, with modules and files that it does not expect."""

import os
import zlib
from pathlib import Path

import pytest

from services.conversion.ffmpeg.process import FfmpegProcess, FfmpegResult
from services.conversion.pipeline.engine import FfmpegEngine
from services.conversion.sandbox import process as sandbox
from services.conversion.sandbox.process import SandboxLevel
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.tags import sandboxed_reader
from services.conversion.tags.source_tags import MAX_OUTPUT, parse_output
from tests.conversion.audio_files import AudioFiles
from tests.conversion.tags.support import copy, read, with_ape, with_id3v1

SPY = """
import os

def main(arguments):
    source, output = map(int, arguments)
    os.read(source, 10)
    for path in ("/etc/passwd", f"/proc/{os.getppid()}/environ"):
        try:
            os.write(output, os.read(os.open(path, os.O_RDONLY), 1000))
        except OSError as error:
            os.write(output, f"{error.errno} ".encode())
"""
PERMISSION_DENIED = b"1 1 "


def run(module: str, source: bytes, output: MemoryFile) -> FfmpegResult:
    with MemoryFile("source", source) as file:
        command = sandbox.module_command(module, str(file.fd), str(output.fd))
        return FfmpegProcess(command, [file.fd, output.fd], {}, 20, 20).run(lambda _: True)


def test_a_module_is_found_where_this_process_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In images, packages are in a folder that only PYTHONPATH names."""
    (tmp_path / "spy.py").write_text("def main(arguments):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with MemoryFile("output") as output:
        assert run("spy", b"", output).ok


@pytest.mark.skipif(
    sandbox.best_sandbox_level() is not SandboxLevel.SUPERVISED, reason="the sandbox is weaker here"
)
def test_a_module_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: list[str]
) -> None:
    (tmp_path / "spy.py").write_text(SPY)
    monkeypatch.syspath_prepend(tmp_path)
    with MemoryFile("output") as output:
        run("spy", b"source", output)
        assert output.read(1000) == PERMISSION_DENIED
    assert "open '/etc/passwd'" in refused
    refused.clear()


def test_a_compressed_frame_that_grows_a_thousandfold_is_left_out(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    """ID3v2.4 compresses frames by zlib: here, 260 KB are 256 MiB."""
    bomb = zlib.compress(b"\3" + b"x" * 2**28, 9)
    frame = b"TXXX" + _syncsafe(len(bomb) + 4) + b"\0\x09" + _syncsafe(2**27) + bomb
    tag = b"ID3\4\0\0" + _syncsafe(len(frame)) + frame
    path = tmp_path / "bomb.mp3"
    path.write_bytes(tag + sounds.tone("plain.mp3", "-id3v2_version", "0").read_bytes())
    assert read(engine, path).made.content


def test_a_reader_that_dies_leaves_ffmpegs_tags(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dying_reader.py").write_text("import os\ndef main(_):\n    os._exit(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("services.conversion.pipeline.read_tags.READER", "dying_reader")
    found = read(engine, sounds.tone("titled.flac", "-metadata", "title=T", seconds=1))
    assert found.tags["title"] == "T"


def test_tags_spread_over_a_large_file_are_not_followed() -> None:
    """A fragmented MP4 has boxes in every block; each block is a request to the store."""
    size = 8 * 1024 * 1024
    with MemoryFile("source") as file:
        os.ftruncate(file.fd, 100 * size)
        source = sandboxed_reader.BoundedFile(file.fd)

        def read_box(number: int) -> bytes:
            source.seek(number * size)
            return source.read(8)

        for number in range(20):
            assert len(read_box(number)) == 8
        with pytest.raises(OSError, match="spread over too much"):
            [read_box(number) for number in range(20, 30)]


@pytest.mark.parametrize("codec", ["libvorbis", "libopus", "flac", "libtheora"])
def test_the_tags_of_an_ogg_are_read_from_its_beginning(
    codec: str, sounds: AudioFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Allow one read of 64 KiB, however long the sound is; a video has its sound second."""
    monkeypatch.setattr(sandboxed_reader, "_BLOCK", 65_536)
    monkeypatch.setattr(sandboxed_reader, "_MAX_BLOCKS", 2)
    if codec == "libtheora":
        path = sounds.video("titled.ogv", "-c:v", codec, "-metadata:s:a", "title=T")
    else:
        path = sounds.tone(f"{codec}.ogg", "-c:a", codec, "-metadata", "title=T", seconds=30)
    assert path.stat().st_size > 65_536
    with MemoryFile("source", path.read_bytes()) as source, MemoryFile("answer") as output:
        sandboxed_reader.main([str(source.fd), str(output.fd)])
        tags, _ = parse_output(output.read(MAX_OUTPUT))
    assert ("TITLE", ["T"]) in [(tag.name, tag.values) for tag in tags]


def test_both_tags_at_the_end_are_read(
    engine: FfmpegEngine, sounds: AudioFiles, tmp_path: Path
) -> None:
    plain = sounds.tone("plain.mp3", "-fflags", "+bitexact", "-id3v2_version", "0", seconds=1)
    path = with_ape(copy(plain, tmp_path / "in.mp3"), Title="of APE")
    tags = read(engine, with_id3v1(path, b"of ID3", b"Artist")).tags
    assert (tags["title"], tags["artist"]) == ("of APE", "Artist")


def _syncsafe(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))
