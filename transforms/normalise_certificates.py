"""Certificate numbers as delivered → keys. A wrong check digit is a finding; masked or encrypted text is no key.

The 18-character number becomes a whole number (first 17 digits × 11 + check value, X = 10), which joins and is
turned into a pseudonym several times faster than text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
import pyarrow as pa

from transforms.normalise import MISSING
from transforms.pseudonym import number_pseudonyms, pseudonyms

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = np.array([1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2])  # check value by weighted sum mod 11
_LETTERS = np.frombuffer(b"0123456789X", dtype=np.uint8)
_NUMBER = np.dtype([("first", "u1"), ("a", "u4"), ("b", "u4"), ("c", "u4"), ("d", "u4"), ("check", "u1")])
"""18 ASCII bytes; digits go in by fours."""
_OTHER_KIND = r"^[0-9A-Z()\-·/\p{Han}]{4,24}$"


@dataclass(frozen=True)
class Certificates:
    """A column of certificates: `number` (Int64, the 18-character kind), `other` (text of other kinds)."""

    number: pl.Series
    other: pl.Series

    @property
    def known(self) -> pl.Series:
        return self.number.is_not_null() | self.other.is_not_null()


def certificates(texts: pl.Series) -> Certificates:
    """Read a column of certificate texts (semantics: 15 → 18 digits with century 19, x → X, width, blanks)."""
    number = _numbers(texts)
    places = (texts.is_not_null() & number.is_null()).arg_true()
    other = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    if len(places):
        late, text = _slowly(texts.gather(places))
        number = number.scatter(places, late)
        other = other.scatter(places, text)
    return Certificates(number, other)


def _numbers(texts: pl.Series) -> pl.Series:
    """Numbers of the texts that are exactly 18 characters in the right form; null for all others."""
    frame = pl.DataFrame({"t": texts}).select(
        pl.when(pl.col("t").str.len_bytes() == 18)
        .then(pl.col("t").str.slice(0, 17).cast(pl.Int64, strict=False))
        .alias("first"),
        pl.col("t").str.slice(17, 1).replace({"X": "10"}).cast(pl.Int64, strict=False).alias("check"),
    )
    return frame.select(
        pl.when((pl.col("first") >= 10**16) & pl.col("check").is_not_null()).then(
            pl.col("first") * 11 + pl.col("check")
        )
    ).to_series()


def _slowly(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Numbers and other kinds among texts that are not 18 plain characters, by their distinct values."""
    distinct = texts.unique()
    plain = distinct.str.normalize("NFKC").str.replace_all("[\\s'\"`’‘“”\u200b-\u200f\ufeff\u00ad]", "")
    mixed = plain.str.contains("[a-wyz]").fill_null(False) & plain.str.contains("[A-Z]").fill_null(False)
    unreadable = plain.str.contains(r"[*+=?#]").fill_null(False) | (mixed & (plain.str.len_chars() >= 12))
    upper = plain.str.to_uppercase()
    upper = upper.set((unreadable | upper.is_in([m.upper() for m in MISSING])).fill_null(False), None)
    old = upper.str.contains(r"^[1-9]\d{14}$").fill_null(False)
    with_century = upper.str.slice(0, 6) + "19" + upper.str.slice(6, 9)
    first = with_century.set(~old, None).cast(pl.Int64, strict=False)
    number = _numbers(upper).zip_with(~old, first * 11 + check_values(first))
    fits = upper.str.contains(_OTHER_KIND).fill_null(False) & upper.str.contains(r"\d{3}").fill_null(False)
    fits = fits & ~upper.str.contains(r"^0+$").fill_null(False) & number.is_null()
    table = pl.DataFrame({"t": distinct, "number": number, "other": upper.set(~fits, None)})
    looked_up = pl.DataFrame({"t": texts}).join(table, on="t", how="left", maintain_order="left")
    return looked_up["number"], looked_up["other"]


def check_values(first: pl.Series) -> pl.Series:
    """The check value (0–10) that belongs to the first 17 digits (Int64)."""
    rest = first.fill_null(0).to_numpy()
    total = np.zeros(len(rest), dtype=np.int64)
    for table in reversed(_four_digits()):
        rest, low = np.divmod(rest, 10_000)
        total += table[low]
    return pl.Series(_CHECKS[total % 11]).set(first.is_null(), None)


@cache
def _four_digits() -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], ...]:
    """Weighted sums of all groups of four digits, for each group of the 17 digits counted from the right."""
    weights = np.array((0, 0, 0, *_WEIGHTS)).reshape(5, 4)
    numbers = np.arange(10_000)
    digits = np.stack([numbers // 10**power % 10 for power in (3, 2, 1, 0)])
    return tuple(group @ digits for group in weights)


def certificate_keys(
    read: Certificates, kinds: pl.Series | None, secret: bytes
) -> tuple[pl.Series, pl.Series]:
    """(`cert_key`, `untyped_key`): keyed pseudonyms of the certificates; the second only for kinds other than 01."""
    keys = number_pseudonyms(read.number, secret)
    untyped = pl.repeat(None, len(keys), dtype=pl.Int64, eager=True)
    if read.other.null_count() < len(read.other):
        kind = pl.repeat("", len(keys), eager=True) if kinds is None else kinds.cast(pl.String).fill_null("")
        typed = pseudonyms(kind + "|" + read.other, secret)
        untyped = pseudonyms("|" + read.other, secret)
        keys = keys.zip_with(keys.is_not_null(), typed)
    return keys, untyped


def number_facts(numbers: pl.Series) -> pl.DataFrame:
    """Of 18-character numbers: `text`, `check_ok`, `masked` (with the right check digit), `birth_year`, `sex`."""
    first = numbers // 11
    given, right = numbers % 11, check_values(first)
    text, masked = _texts(first, given, right)
    year = (first // 10**7 % 10**4).cast(pl.Int32)
    return pl.DataFrame(
        {
            "text": text,
            "check_ok": given == right,
            "masked": masked,
            "birth_year": year.set(~year.is_between(1880, 2100), None),
            "sex": pl.select(
                pl.when((first % 2) == 1).then(pl.lit("1")).when(first.is_not_null()).then(pl.lit("2"))
            ).to_series(),
        }
    )


def _texts(first: pl.Series, given: pl.Series, right: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The 18 characters of numbers by their first 17 digits and check value; and with the birth date hidden and the
    right check value instead of the given one."""
    rest = first.fill_null(0).to_numpy()
    signs = np.empty(len(rest), dtype=_NUMBER)
    for four in ("d", "c", "b", "a"):
        rest, low = np.divmod(rest, 10_000)
        signs[four] = _four_signs()[low]
    signs["first"] = rest + ord("0")
    hidden = signs.copy()
    hidden.view(np.uint8).reshape(-1, 18)[:, 6:14] = ord("*")
    for texts, check in ((signs, given), (hidden, right)):
        texts["check"] = _LETTERS[check.fill_null(0).to_numpy()]
    return _strings(signs, first), _strings(hidden, first)


def _strings(signs: np.ndarray[tuple[int], np.dtype[np.void]], like: pl.Series) -> pl.Series:
    """Records of ASCII bytes as texts; null where `like` is."""
    width = signs.dtype.itemsize
    ends = np.arange(0, (len(signs) + 1) * width, width, dtype=np.int64)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(signs.view(np.uint8))]
    texts = pl.Series(pa.Array.from_buffers(pa.large_string(), len(signs), buffers))
    return texts.set(like.is_null(), None) if like.null_count() else texts


@cache
def _four_signs() -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    """The four digits of each number below 10 000 as ASCII bytes."""
    return np.frombuffer("".join(f"{n:04}" for n in range(10_000)).encode(), dtype=np.uint32)
