"""Text as delivered → clean text: width, blanks, apostrophes and the many words for "nothing here".

Each function takes a String series and gives one of the same length; null means missing. The clean case is
tested for once and returned as it came, so that well-kept extracts cost one scan a column.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

MISSING = ("", "-", "--", "---", "—", "——", "无", "暂无", "空", "null", "NULL", "Null", "none", "None", "NaN",
           "nan", "\\N", "/", "***")  # fmt: skip
_ZERO_WIDTH = "[\u200b-\u200f\u202a-\u202e\u2060\ufeff\u00ad]"
_EDGE = r"^[\s'\"`’‘“”]+|[\s'\"`’‘“”]+$"
_ODD_ID = r"[^!#-&(-,.-_a-z{-~-]|^(?:null|NULL|Null|none|None|NaN|nan|\\N|/|\*+|-+)?$"
_ODD_CODE = r"[^!#-&(-,0-_a-z{-~-]|^(?:null|NULL|Null|none|None|NaN|nan|\\N|\*+|-+)?$"
_MANY = 20_000
_ODD_TEXT = (
    r"^[\s'\"`’‘“”]|[\s'\"`’‘“”]$|[\x00-\x1f\u2000-\u206f\u3000\ufeff\uff01-\uff5e\u00a0]"
    r"|^(?:null|NULL|Null|none|None|NaN|nan|\\N|/|\*+|-+|—+|无|暂无|空)?$"
)


def odd_columns(frame: pl.DataFrame, ids: list[str], codes: list[str], texts: list[str]) -> set[str]:
    """Columns of a small frame that hold anything to be cleaned, found in one pass; the others are clean as they stand."""
    tests = [
        pl.col(names).str.contains(pattern).any()
        for names, pattern in ((ids, _ODD_ID), (codes, _ODD_CODE), (texts, _ODD_TEXT))
        if names
    ]
    return {name for name, odd in frame.select(tests).row(0, named=True).items() if odd} if tests else set()


def is_small(frame: pl.DataFrame) -> bool:
    """Whether a frame is so small that the number of passes costs more than their length."""
    return frame.height < _MANY


def cleaned(texts: pl.Series) -> pl.Series:
    """Open text: NFKC, no control or zero-width characters, edges bare of blanks and quotes, missing words null."""
    distinct = texts.unique()
    if distinct.len() > texts.len() // 2:
        return _where_odd(texts, _ODD_TEXT, _clean_text)
    clean = _where_odd(distinct, _ODD_TEXT, _clean_text)
    changed = clean.ne_missing(distinct)
    if not changed.any():
        return texts
    return texts.replace(distinct.filter(changed), clean.filter(changed))


def cleaned_ids(texts: pl.Series) -> pl.Series:
    """Ids and codes: as `cleaned`, and no blanks within."""
    if texts.dtype == pl.Categorical:
        return _by_category(texts, _clean_id)
    return _where_odd(texts, _ODD_ID, _clean_id)


def _clean_id(texts: pl.Series) -> pl.Series:
    return _clean_text(texts).str.replace_all(r"\s+", "")


def cleaned_codes(texts: pl.Series, labels: dict[str, str] | None = None) -> pl.Series:
    """Codes of few distinct values: cleaned, `310.0` → `310`, labels → codes, by way of the distinct values."""
    if texts.dtype == pl.Categorical:
        return _by_category(texts, lambda words: _code(_clean_id(words), labels))
    distinct = _distinct(texts)
    if distinct.len() > max(1_000, texts.len() // 20):
        codes = _code(cleaned_ids(texts), labels)
        return codes.alias(texts.name)
    codes = _code(_clean_id(distinct), labels)
    if codes.eq_missing(distinct).all():
        return texts
    return texts.replace_strict(distinct, codes, return_dtype=pl.String).alias(texts.name)


def _by_category(texts: pl.Series, clean: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """A Categorical column with its categories cleaned."""
    distinct = texts.unique()
    words = distinct.cast(pl.String)
    codes = clean(words)
    if codes.eq_missing(words).all():
        return texts
    if codes.null_count() == len(codes):
        return pl.repeat(None, len(texts), dtype=pl.Categorical, eager=True).alias(texts.name)
    found = texts.replace_strict(distinct, codes.cast(pl.Categorical), return_dtype=pl.Categorical)
    return found.alias(texts.name)


def cleaned_signs(texts: pl.Series) -> pl.Series:
    """Codes of one sign (revs_flag Z, +, −): bare of blanks, half-width, every dash and minus a `-`; empty is null."""
    plain = texts.str.normalize("NFKC").str.replace_all(r"[\s'\"`]+", "").str.replace_all("[−–—]", "-")
    return plain.set((plain == "").fill_null(False), None).alias(texts.name)


def _code(codes: pl.Series, labels: dict[str, str] | None) -> pl.Series:
    codes = codes.str.replace(r"^(\d+)\.0+$", "$1")
    return codes.replace(labels) if labels else codes


def _distinct(texts: pl.Series) -> pl.Series:
    """The distinct values; a column that says the same in every row is seen at a glance."""
    first = texts[:1]
    if texts.null_count() == 0 and len(texts) and bool((texts == first[0]).all()):
        return first
    return texts.unique()


def _where_odd(texts: pl.Series, pattern: str, clean: Callable[[pl.Series], pl.Series]) -> pl.Series:
    odd = texts.str.contains(pattern).fill_null(False)
    count = int(odd.sum())
    if not count:
        return texts
    empty = texts == ""
    blanks = int(empty.sum())
    if blanks:
        texts = texts.set(empty, None)
        odd, count = odd & ~empty, count - blanks
        if not count:
            return texts
    if count == len(texts):
        return clean(texts).alias(texts.name)
    places = odd.arg_true()
    return texts.clone().scatter(places, clean(texts.gather(places)))


def _clean_text(texts: pl.Series) -> pl.Series:
    plain = texts.str.normalize("NFKC").str.replace_all(_ZERO_WIDTH, "").str.replace_all(r"[\x00-\x1f]+", " ")
    bare = plain.str.replace_all(_EDGE, "")
    missing = bare.is_in(list(MISSING)) | bare.str.contains(r"^\*+$")
    return bare.set(missing.fill_null(False), None)


def scientific(texts: pl.Series) -> pl.Series:
    """Mask of ids that a spreadsheet has turned into `3.30E+17`: their digits are lost."""
    suspects = texts.str.contains("+", literal=True).fill_null(False)
    if not suspects.any():
        return suspects
    return suspects & texts.str.contains(r"^\s*[+-]?\d(?:\.\d+)?[eE]\+\d+\s*$").fill_null(False)
