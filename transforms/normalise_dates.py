"""Dates and times as departments write them → Date and Datetime; impossible ones are bad.

`0000-00-00` and the platform's "for ever", `9999-12-31`, are missing: an end that is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from transforms.normalise import MISSING

FIRST_YEAR, LAST_YEAR = 1900, 2100
_MISSING = r"^(?:0+|(?:0000[-/.]?00[-/.]?00|9999[-/.年]?12[-/.月]?31日?)(?:\d{6}|[ T].*)?)$"
_LONG = (
    r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]*(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})秒?|分)?(?:\.\d+)?)?"
    r"(?:[ (]*(?:星期|周|礼拜)[一二三四五六日天]\)?)?$"
)
_SHORT = r"^(\d{4})(\d{2})(\d{2})(?:[ T]?(\d{2}):?(\d{2}):?(\d{2}))?(?:\.\d+)?$"


def datetimes(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Datetime of each text and the mask of bad ones (None: all good). Missing text stays null and is not bad."""
    text = pl.col("t")
    # the parser also takes "+2023-5-1 …" with 19 characters; the lengths of regular text tell them apart
    return _fast(texts, pl.when(text.str.len_bytes() == 19).then(_moment(text)))


def dates(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Date of each text (a time is cut off) and the mask of bad ones; see `datetimes`."""
    text = pl.col("t")
    lengths = texts.str.len_bytes()
    shortest, longest = lengths.min(), lengths.max()
    short = text.str.to_date("%Y-%m-%d", strict=False, cache=False)
    if shortest == longest == 19:
        day = _moment(text).dt.date()
    elif shortest == longest == 10:
        day = short
    else:
        day = pl.when(text.str.len_bytes() == 10).then(short)
        if isinstance(longest, int) and longest >= 19:
            day = pl.when(text.str.len_bytes() == 19).then(_moment(text).dt.date()).otherwise(day)
    found, bad = _fast(texts, day)
    return found.cast(pl.Date), bad


_MONTH = r"^\s*(\d{4})(?:(0[1-9]|1[0-2])|[-/.年](0?[1-9]|1[0-2])月?)\s*$"


def periods(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """As `dates`; a month (`202301`, `2023-01`, `2023年1月`) is its first day."""
    month = texts.str.contains(_MONTH).fill_null(False)
    if not month.any():
        return dates(texts)
    named = texts.str.extract_groups(_MONTH).struct.unnest()
    first = named["1"] + named["2"].fill_null(named["3"]).str.zfill(2) + "01"
    return dates(first.zip_with(month, texts))


def period_ends(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """As `dates`; a month (as in `periods`) is its last day."""
    found, bad = periods(texts)
    month = texts.str.contains(_MONTH).fill_null(False)
    return found.dt.month_end().zip_with(month, found), bad


def _moment(text: pl.Expr) -> pl.Expr:
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False, cache=False)


def _fast(texts: pl.Series, regular: pl.Expr) -> tuple[pl.Series, pl.Series | None]:
    """The fast reading of regular texts (`regular`, of column `t`), and a second look at what it left."""
    frame = texts.alias("t").to_frame().select("t", value=regular)
    found = frame["value"].alias(texts.name)
    if found.null_count() == texts.null_count() and _within(found):
        return found, None
    open_row = pl.col("value").dt.year().is_between(FIRST_YEAR, LAST_YEAR).fill_null(False).not_()
    left = frame.select(
        (pl.col("t").is_not_null() & open_row & (pl.col("t") != "")).alias("open")
    ).to_series()
    return _rest(texts, found, left.arg_true()) if left.any() else (found, None)


def _within(days: pl.Series) -> bool:
    """Whether there are dates, all of them in the years that can be."""
    day = pl.col(days.name)
    first, last = days.to_frame().select(a=day.min().dt.year(), b=day.max().dt.year()).row(0)
    return first is not None and bool(FIRST_YEAR <= first and last <= LAST_YEAR)


def _rest(texts: pl.Series, found: pl.Series, places: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Give the texts that the fast way left a second look, by their distinct values."""
    open_texts = texts.gather(places)
    distinct = open_texts.unique()
    moments, bad = _slowly(distinct)
    table = pl.DataFrame({"text": distinct, "moment": moments, "bad": bad})
    looked_up = pl.DataFrame({"text": open_texts}).join(table, on="text", how="left", maintain_order="left")
    # a missing word has no moment and is not bad
    values = found.clone().scatter(places, looked_up["moment"].cast(found.dtype))
    mask = pl.repeat(False, len(texts), eager=True).scatter(places, looked_up["bad"].fill_null(False))
    return values, (mask if mask.any() else None)


def _slowly(distinct: pl.Series) -> tuple[pl.Series, pl.Series]:
    plain = distinct.str.normalize("NFKC").str.replace_all("[\u200b-\u200f\ufeff'\"]", "").str.strip_chars()
    missing = plain.is_null() | plain.is_in(list(MISSING)) | plain.str.contains(_MISSING).fill_null(False)
    long = plain.str.extract_groups(_LONG).struct.unnest()
    short = plain.str.extract_groups(_SHORT).struct.unnest()
    piece = {str(i): long[str(i)].fill_null(short[str(i)]) for i in range(1, 7)}
    date = piece["1"] + "-" + piece["2"].str.zfill(2) + "-" + piece["3"].str.zfill(2)
    clock = [piece[str(i)].fill_null("00").str.zfill(2) for i in (4, 5, 6)]
    iso = date + " " + clock[0] + ":" + clock[1] + ":" + clock[2]
    moments = iso.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False, cache=False)
    moments = moments.set(~moments.dt.year().is_between(FIRST_YEAR, LAST_YEAR).fill_null(False), None)
    return moments, ~missing & moments.is_null()


def months(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """YYYYMM of `202305`, `2023-05`, `2023年5月`, a date; Int32."""

    def read(distinct: pl.Series) -> tuple[pl.Series, pl.Series]:
        plain = distinct.str.normalize("NFKC").str.strip_chars()
        parts = plain.str.extract_groups(
            r"^(\d{4})[-/.年]?(\d{1,2})(?:[-/.月](?:\d{1,2}日?)?.*)?$"
        ).struct.unnest()
        number = parts["1"].cast(pl.Int32, strict=False) * 100 + parts["2"].cast(pl.Int32, strict=False)
        fits = (number % 100).is_between(1, 12) & (number // 100).is_between(FIRST_YEAR, LAST_YEAR)
        fits = fits.fill_null(False)
        return number.set(~fits, None), ~(plain.is_null() | plain.is_in(list(MISSING))) & ~fits

    return _by_distinct(texts, read, pl.Int32())


def integers(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Whole numbers (`2023`, `2023.0`, `2023年`); Int32."""

    def read(distinct: pl.Series) -> tuple[pl.Series, pl.Series]:
        plain = distinct.str.normalize("NFKC").str.strip_chars()
        number = plain.str.extract(r"^(-?\d{1,9})(?:\.0+)?(?:年|年度)?$", 1).cast(pl.Int32, strict=False)
        return number, ~(plain.is_null() | plain.is_in(list(MISSING))) & number.is_null()

    return _by_distinct(texts, read, pl.Int32())


def _by_distinct(
    texts: pl.Series, read: Callable[[pl.Series], tuple[pl.Series, pl.Series]], dtype: pl.DataType
) -> tuple[pl.Series, pl.Series | None]:
    """Read few distinct texts instead of many rows."""
    distinct = texts.unique()
    values, bad = read(distinct)
    result = texts.replace_strict(distinct, values, return_dtype=dtype)
    if not bad.any():
        return result, None
    return result, texts.is_in(distinct.filter(bad).to_list()).fill_null(False)


def quantities(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Numbers with any decimals, Float64."""
    number = texts.cast(pl.Float64, strict=False)
    open_rows = texts.is_not_null() & ~number.is_finite().fill_null(False)
    if not open_rows.any():
        return number, None
    plain = texts.str.normalize("NFKC").str.replace_all(r"[\s,]", "")
    missing = plain.is_in(list(MISSING))
    number = number.zip_with(~open_rows, plain.cast(pl.Float64, strict=False))
    bad = open_rows & ~missing & ~number.is_finite().fill_null(False)
    return number.set(bad, None), (bad if bad.any() else None)
