"""Which encoding bytes are in that are no UTF-8: by trial, of those of Chinese, Japanese, Korean and Cyrillic, else Windows-1252.

Each of these has one block for its few thousand common signs. Text in the right encoding lies in that block
nearly whole; in a wrong one it is spread over rare signs, or is no text at all.
"""

import codecs
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from forecast.errors import ForecastError, nearest

COMMON = 0.8  # share of signs in the common block from which on an encoding is taken
FEW = 4  # signs that say too little
LATIN = 0.6  # share of high bytes that stand as letters and signs of Western Europe do
_LATIN_SIGNS = b"\xb0\xb1\xb2\xb3\xb5\xa3\x80\xb7\x91\x92\x93\x94\x96\x97\xa0\xa7\xba"
NAMES = ("utf-8", "utf-16", "cp1252", "latin-1", "gb18030", "big5", "cp932", "cp949", "euc-jp", "cp1251")


@dataclass(frozen=True)
class Encoding:
    """An encoding of two-byte signs.

    name: its codec · words: what it is called · common, neutral: whether the bytes of a sign are in the
    block of common ones, or are of punctuation and say nothing.
    """

    name: str
    words: str
    common: Callable[[bytes], bool]
    neutral: Callable[[bytes], bool]


def _is_common_gb(sign: bytes) -> bool:
    return len(sign) == 2 and 0xB0 <= sign[0] <= 0xD7 and sign[1] >= 0xA1


def _is_common_big5(sign: bytes) -> bool:
    return len(sign) == 2 and 0xA4 <= sign[0] <= 0xC6


def _is_common_korean(sign: bytes) -> bool:
    return len(sign) == 2 and 0xB0 <= sign[0] <= 0xC8 and sign[1] >= 0xA1


def _is_common_cp932(sign: bytes) -> bool:
    return len(sign) == 2 and (sign[0] in (0x82, 0x83) or 0x88 <= sign[0] <= 0x97)


def _is_common_euc_jp(sign: bytes) -> bool:
    return len(sign) == 2 and (sign[0] in (0xA4, 0xA5) or 0xB0 <= sign[0] <= 0xCF)


def _is_punctuation(sign: bytes) -> bool:
    return 0xA1 <= sign[0] <= 0xA3


def _is_punctuation_cp932(sign: bytes) -> bool:
    return sign[0] == 0x81 or (len(sign) == 2 and sign[0] == 0x82 and sign[1] < 0x9F)


def _is_no_pair(sign: bytes) -> bool:
    """Whether a sign is one byte: those of Cyrillic are counted as letters, not by pairs."""
    return len(sign) == 1


ENCODINGS = (  # in the order in which they win where two do as well
    Encoding("cp949", "CP949, Korean", _is_common_korean, _is_punctuation),
    Encoding("cp932", "CP932, Japanese", _is_common_cp932, _is_punctuation_cp932),
    Encoding("euc-jp", "EUC-JP, Japanese", _is_common_euc_jp, _is_punctuation),
    Encoding("gb18030", "GB18030, Chinese", _is_common_gb, _is_punctuation),
    Encoding("big5", "Big5, Chinese", _is_common_big5, _is_punctuation),
)


_FREQUENT = "оеаинтсрвлкмдпуяызьбгієї"  # of Russian and Ukrainian letters; nine of ten in a text
_RUNNING = 0.8  # share of the letters of a word that stand next to another one
_ODD = 0.02  # share of letters from which on a capital after a small one says that the text is misread
CYRILLIC = Encoding("cp1251", "Windows-1251, Cyrillic", _is_no_pair, _is_no_pair)


def _is_cyrillic(head: bytes) -> bool:
    """Whether bytes are words in Windows-1251: letters next to each other, the frequent ones, and no capital after a
    small one.
    """
    text = head.decode("cp1251", errors="replace")
    places = [place for place, sign in enumerate(text) if "\u0400" <= sign <= "\u04ff"]
    high = sum(not sign.isascii() for sign in text)
    if len(places) < FEW or len(places) < 0.9 * high:
        return False
    letters = set(places)
    running = sum(place - 1 in letters or place + 1 in letters for place in places)
    frequent = sum(text[place].lower() in _FREQUENT for place in places)
    odd = sum(text[place].isupper() and text[place - 1].islower() for place in places if place - 1 in letters)
    words = running >= _RUNNING * len(places)
    return words and frequent >= COMMON * len(places) and odd <= _ODD * len(places)


def detected(head: bytes) -> Encoding | None:
    """The encoding of two-byte signs or of Cyrillic that bytes are in; None where they are in none.

    head: of a file; its last sign may be cut off.
    """
    if _latin(head) >= LATIN:
        return None
    if _is_cyrillic(head):
        return CYRILLIC
    best: Encoding | None = None
    most = COMMON
    for encoding in ENCODINGS:
        share = _share(head, encoding)
        if share >= most and (best is None or share > most):
            best = encoding
            most = share
    return best


def codec_of(name: str) -> str:
    """The name of a codec as Python knows it; ForecastError where there is none."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        raise ForecastError(f"There is no encoding {name!r} for `encoding`.{nearest(name, NAMES)}") from None
    return "utf8" if found in ("utf-8", "utf-8-sig") else found


def decoded(head: bytes, codec: str) -> str | None:
    """The text of the first bytes of a file, of which the last may be cut off; None where they are none."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if codec == "utf8" else codec)()
    try:
        return decoder.decode(head)
    except UnicodeDecodeError:
        return None


def _share(head: bytes, encoding: Encoding) -> float:
    """The share of signs that are common ones; 0 where the bytes are no such text, or say too little."""
    text = decoded(head, encoding.name)
    if text is None:
        return 0.0
    known = common = kana = 0
    for sign, count in Counter(text).items():
        if sign.isascii():
            continue
        raw = sign.encode(encoding.name)
        if encoding.neutral(raw):
            continue
        known += count
        common += count * encoding.common(raw)
        kana += count * ("\u3040" <= sign <= "\u30ff")
    if known < FEW or (encoding.name == "euc-jp" and 10 * kana < known):
        return 0.0
    return common / known


def _latin(head: bytes) -> float:
    """The share of high bytes that stand as those of Western Europe do: a letter next to letters, or a sign alone."""
    high = latin = 0
    for place, byte in enumerate(head):
        if byte < 0x80:
            continue
        high += 1
        before = head[place - 1] if place else 0x20
        after = head[place + 1] if place + 1 < len(head) else 0x20
        if before >= 0x80 or after >= 0x80:
            continue
        letter = byte >= 0xC0 and (chr(before).isalpha() or chr(after).isalpha())
        latin += letter or byte in _LATIN_SIGNS
    return latin / high if high else 1.0
