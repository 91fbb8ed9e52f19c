"""Clean the file names that clients send."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.core.domain.filenames import (
    MAX_DOWNLOAD_STEM,
    MAX_LENGTH,
    clean_filename,
    download_filename,
)
from libs.core.errors import FilenameInvalid

JOINERS = "\u200c\u200d"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("song.mp3", "song.mp3"),
        ("Für Elise – Übung №5.wav", "Für Elise – Übung №5.wav"),
        ("日本語 ♫.flac", "日本語 ♫.flac"),
        ("C:\\Music\\song.mp3", "song.mp3"),
        ("../../etc/passwd", "passwd"),
        ("  spaced out.ogg ", "spaced out.ogg"),
        ("a\r\nSet-Cookie: b.mp3", "aSet-Cookie: b.mp3"),
        ("evil\u202egpj.mp3", "evilgpj.mp3"),
        ("zero\u200bwidth\x00.mp3", "zerowidth.mp3"),
        ("Fu\u0308r.mp3", "Für.mp3"),
        ("u\x00\u0308.mp3", "ü.mp3"),
        ("می\u200cخواهم.mp3", "می\u200cخواهم.mp3"),
        ("क्\u200dष.mp3", "क्\u200dष.mp3"),
        ("👨\u200d👩\u200d👧.mp3", "👨\u200d👩\u200d👧.mp3"),
        ("❤\ufe0f\u200d🔥.mp3", "❤\ufe0f\u200d🔥.mp3"),
        ("\u200dfront\u200c.mp3\u200d", "front.mp3"),
        ("pass\u200dword\u200c.mp3", "password.mp3"),
        ("می\u200c\u200dخواهم.mp3", "میخواهم.mp3"),
    ],
)
def test_a_file_name_is_cleaned(name: str, clean: str) -> None:
    assert clean_filename(name) == clean


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "..",
        "...",
        "a/",
        "\u200b",
        "\u200d",
        "\u200c.",
        "\x00\x01",
        "/",
        "C:\\",
        "x" * (MAX_LENGTH + 1),
    ],
)
def test_an_empty_or_too_long_name_is_invalid(name: str) -> None:
    with pytest.raises(FilenameInvalid):
        clean_filename(name)


def test_a_name_of_the_longest_length_is_accepted() -> None:
    assert clean_filename("x" * MAX_LENGTH) == "x" * MAX_LENGTH


@given(st.text(max_size=MAX_LENGTH))
def test_cleaning_twice_changes_nothing(name: str) -> None:
    try:
        clean = clean_filename(name)
    except FilenameInvalid:
        return
    assert clean_filename(clean) == clean
    assert not any(
        c in "/\\" or (unicodedata.category(c)[0] == "C" and c not in JOINERS) for c in clean
    )
    assert clean.strip(JOINERS) == clean


@pytest.mark.parametrize(
    ("name", "download"),
    [
        ("song.wav", "song.mp3"),
        ("song", "song.mp3"),
        ("two.dots.wav", "two.dots.mp3"),
        (".hidden", "hidden.mp3"),
        ("a:b?c.wav", "a_b_c.mp3"),
        ("CON.wav", "audio_CON.mp3"),
        ("lpt1", "audio_lpt1.mp3"),
        ("COM¹.wav", "audio_COM¹.mp3"),
        ("lpt³", "audio_lpt³.mp3"),
        ("com0.x.wav", "audio_com0.x.mp3"),
        ("NUL .txt.wav", "audio_NUL .txt.mp3"),
        ("CONIN$.wav", "audio_CONIN$.mp3"),
        ("COM10.wav", "COM10.mp3"),
        ("COMⁿ.wav", "COMⁿ.mp3"),
        ("می\u200cخواهم.wav", "می\u200cخواهم.mp3"),
        ("ی" * (MAX_DOWNLOAD_STEM - 1) + "\u200cی", "ی" * (MAX_DOWNLOAD_STEM - 1) + ".mp3"),
        ("console.wav", "console.mp3"),
        ("...wav", "wav.mp3"),
        ("日本語.wav", "日本語.mp3"),
    ],
)
def test_a_download_has_the_originals_stem_and_the_new_extension(name: str, download: str) -> None:
    assert download_filename(name, "mp3") == download


@given(st.text(min_size=1, max_size=MAX_LENGTH))
def test_a_download_always_has_a_safe_name(name: str) -> None:
    stem, _, extension = download_filename(name, "mp3").rpartition(".")

    assert extension == "mp3"
    assert 1 <= len(stem) <= MAX_DOWNLOAD_STEM + len("audio_")
    assert not stem.startswith((".", " "))
    assert not set(stem) & set(':";<>|?*\r\n\0')
