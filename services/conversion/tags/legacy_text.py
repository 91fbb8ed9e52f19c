"""Find the encoding of text in files that do not say it.

ID3v1, RIFF INFO and Latin-1 frames of ID3v2 hold whatever the writer's system used. Tags are too
short for a statistical detector alone: it takes "Кино" for Chinese and "Björk" for Arabic. So the
two most frequent cases, Western and Cyrillic text, are recognised by how their words are built, and
the detector decides about the others.
"""

import re
from collections.abc import Iterable

from charset_normalizer import from_bytes

_WESTERN = "cp1252"
_CYRILLIC = ("cp1251", "koi8_r", "cp866")
_OTHERS = ("cp1253", "cp1255", "cp1256")
_PAIRS = (
    ("shift_jis", rb"[\x81-\x9f\xe0-\xea][\x40-\x7e\x80-\xfc]|[\xa1-\xdf]", rb"[\x81-\x9f]"),
    ("euc_jp", rb"[\xa1-\xa5\xb0-\xf4][\xa1-\xfe]", rb"[\xa4\xa5][\xa1-\xfe]"),
    ("euc_kr", rb"[\xb0-\xc8][\xa1-\xfe]", b""),
    ("gb18030", rb"[\xa1\xa3\xb0-\xd7][\xa1-\xfe]", b""),
    ("big5", rb"[\xa1-\xc6][\x40-\x7e\xa1-\xfe]", b""),
)
"""The bytes of the frequent characters of each encoding, and what it must have somewhere."""
_FREQUENT = frozenset("оеаинтсрвлкмдпуяы")
"""Letters that make up four fifths of Russian, and most of its neighbours."""
_MIN_FREQUENT_SHARE, _MIN_FREQUENT_SHARE_OF_A_WORD = 0.6, 0.25
_PREFERENCE = 0.25
"""Windows wrote most Cyrillic tags."""
_PUNCTUATION = frozenset("№«»–—…“”„‘’•© \xa0")
_MAX_BYTES = 4096
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_MIN_HEBREW, _MIN_HEBREW_SHARE = 4, 0.1
_NOT_HEBREW = re.compile(rb"[\xea\xed\xef\xf3\xf5](?!$)|[\xeb\xee\xf0\xf6]$|[A-Za-z]")
_HEBREW_RATHER_THAN_RUSSIAN = re.compile(rb"[\xe9\xf7-\xfa]")
"""Yod, qof, resh, shin and tav: 28 % of Hebrew, and as letters of Windows-1251 4 % of Russian."""
_WESTERN_SHARE = 0.4
"""Share of the letters that have accents; more is another script, or one short word."""
LABELS = {
    "utf_8": "UTF-8", "cp1252": "Latin-1", "cp1251": "Cyrillic (Windows-1251)",
    "koi8_r": "Cyrillic (KOI8-R)", "cp866": "Cyrillic (IBM 866)", "cp1253": "Greek (Windows-1253)",
    "shift_jis": "Japanese (Shift JIS)", "euc_jp": "Japanese (EUC)", "euc_kr": "Korean (EUC)",
    "gb18030": "Chinese (GB 18030)", "big5": "Chinese (Big5)", "cp1255": "Hebrew (Windows-1255)",
    "cp1256": "Arabic (Windows-1256)",
}  # fmt: skip


def find_encoding(values: Iterable[bytes]) -> str | None:
    """Return the encoding of all values together, a key of `LABELS`; None for ASCII."""
    text = b"\n".join(value for value in values if not value.isascii())[:_MAX_BYTES]
    if not text:
        return None
    if _decodes(text, "utf_8") is not None:
        return "utf_8"
    if _looks_western(text):
        return _WESTERN
    if _looks_hebrew(text):
        return "cp1255"
    if found := _find_cyrillic(text) or _find_double_byte(text):
        return found
    detected = from_bytes(text, cp_isolation=list(_OTHERS), threshold=0.5).best()
    name = detected.encoding if detected else ""
    return name if name in LABELS and not _mixes_scripts(_decodes(text, name) or "") else _WESTERN


def decode(value: bytes, encoding: str) -> str:
    """Decode one value; bytes that the encoding lacks are read as Latin-1."""
    for name in ("utf_8", encoding):
        if (text := _decodes(value, name)) is not None:
            return text
    return value.decode("latin-1")


def _decodes(text: bytes, encoding: str) -> str | None:
    try:
        return text.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _looks_western(text: bytes) -> bool:
    """Return True if accented letters stand between plain ones, as in "Motörhead"."""
    letters = b"".join(_WORD.findall(text))
    accented = sum(byte >= 0x80 for byte in letters)
    has_controls = any(0x80 <= byte < 0xA0 and byte not in b"\x85\x91\x92\x93\x94\x96\x97"
                       for byte in text)  # fmt: skip
    return accented < max(2, _WESTERN_SHARE * len(letters)) and not has_controls


def _looks_hebrew(text: bytes) -> bool:
    """Return True if the words end as Hebrew ones do, and have letters that Russian seldom has.

    Its letters are the small ones of Cyrillic without the last five. Five of them have a form for
    the end of a word, which Russian has in the middle; the other form stands at no end. That holds
    for a seventh of the frequent Russian words, too, "звезда" for example.
    """
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    letters = b"".join(words)
    return (
        sum(byte >= 0x80 for byte in letters) >= _MIN_HEBREW
        and all(byte < 0x80 or 0xE0 <= byte <= 0xFA for byte in letters)
        and not any(_NOT_HEBREW.search(word) for word in words)
        and len(_HEBREW_RATHER_THAN_RUSSIAN.findall(letters)) >= _MIN_HEBREW_SHARE * len(letters)
    )


def _find_cyrillic(text: bytes) -> str | None:
    is_short = len(text) - text.count(b" ") < 8
    wanted = _MIN_FREQUENT_SHARE_OF_A_WORD if is_short else _MIN_FREQUENT_SHARE
    shares = {name: _cyrillic_share(_decodes(text, name) or "") for name in _CYRILLIC}
    likely = {name: share for name, share in shares.items() if share >= wanted}
    if "cp1251" in likely:
        likely["cp1251"] += _PREFERENCE
    return max(likely, key=lambda name: likely[name], default=None)


def _cyrillic_share(text: str) -> float:
    """Return the share of frequent letters, 0 if the words are not built as in Cyrillic."""
    words = re.findall(r"[^\W\d_]+", text)
    letters = [c for word in words if not word.isascii() for c in word]
    others = [c for c in text if not c.isascii() and not c.isalpha()]
    if not letters or not all("Ѐ" <= c <= "ӿ" for c in letters):
        return 0.0
    if not all(w.islower() or w.isupper() or w[1:].islower() for w in words):
        return 0.0
    if any(c not in _PUNCTUATION for c in others):
        return 0.0
    return sum(c.lower() in _FREQUENT for c in letters) / len(letters)


def _find_double_byte(text: bytes) -> str | None:
    for name, pairs, needed in _PAIRS:
        if (
            re.fullmatch(rb"(?:[\x00-\x7f]|" + pairs + rb")+", text)
            and re.search(needed, text)
            and len(re.findall(pairs, text)) > 1
            and _decodes(text, name) is not None
        ):
            return name
    return None


def _mixes_scripts(text: str) -> bool:
    """Return True if a word has both ASCII letters and others that are not accented Latin."""
    return any(
        any(c.isascii() for c in word) and any(0x370 <= ord(c) < 0x3000 for c in word)
        for word in re.findall(r"[^\W\d_]+", text)
    )
