"""Recognise the encodings that tags of the last thirty years have."""

import pytest

from services.conversion.tags.legacy_text import decode, find_encoding

TEXTS = {
    "cp1252": ["Motörhead", "Björk", "Sigur Rós", "Für Elise", "Édith Piaf", "Rock ’n’ Roll"],
    "cp1251": [
        "Кино", "кино", "Группа крови", "ЛЮБЭ", "Би-2", "Ёлка", "мой рок-н-ролл", "белый снег",
        "звезда по имени солнце", "Альбом №1", "Мумий Тролль", "звезда", "вода", "город", "свобода",
        "голоса", "вагон",
    ],
    "koi8_r": ["Группа крови", "Аквариум", "Наутилус Помпилиус"],
    "cp866": ["Кино", "Группа крови"],
    "shift_jis": ["宇多田ヒカル", "椎名林檎 勝訴ストリップ", "中島みゆき"],
    "gb18030": ["周杰伦", "月亮代表我的心", "王菲 红豆"],
    "big5": ["周杰倫 七里香", "鄧麗君"],
    "euc_kr": ["소녀시대", "아이유 좋은 날"],
    "cp1253": ["Μίκης Θεοδωράκης"],
    "cp1255": ["שלום עולם", "נעמי שמר", "ירושלים של זהב", "אריק איינשטיין"],
}  # fmt: skip
PAIRS = [(encoding, text) for encoding, texts in TEXTS.items() for text in texts]


@pytest.mark.parametrize(("encoding", "text"), PAIRS)
def test_one_short_value_is_recognised(encoding: str, text: str) -> None:
    value = text.encode(encoding)
    assert decode(value, find_encoding([value]) or "") == text


@pytest.mark.parametrize("encoding", TEXTS)
def test_all_values_of_a_file_decide_together(encoding: str) -> None:
    values = [text.encode(encoding) for text in TEXTS[encoding]]
    assert find_encoding([b"Greatest Hits", *values]) == encoding


def test_utf_8_is_no_legacy_encoding() -> None:
    assert find_encoding(["Motörhead Кино".encode()]) == "utf_8"


def test_ascii_needs_no_encoding() -> None:
    assert find_encoding([b"Ace of Spades", b""]) is None


def test_bytes_that_an_encoding_lacks_are_read_as_latin_1() -> None:
    assert decode(b"a\x98b", "cp1251") == "a\x98b"
