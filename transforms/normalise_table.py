"""A batch of delivered rows (all text) → typed columns and the first fault of each row that has one.

`Faults` keeps the order header, key and person, code, date, amount, identity (semantics §3). Messages say file,
sheet, row, column, what is wrong and what to do, and never a value.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from schemas.core import AMOUNTS, FUND_PARTS
from schemas.layouts import Layout
from schemas.sources import SOURCES
from transforms.identities import TOLERANCE_FEN
from transforms.normalise import cleaned, cleaned_codes, cleaned_ids, cleaned_signs, is_small, odd_columns
from transforms.normalise_amounts import fen
from transforms.normalise_dates import dates, datetimes, integers, months, period_ends, periods, quantities

RULES = (
    "header", "empty_row", "key", "person", "code", "date", "amount", "identity_b", "identity_c", "wrong_sender",
)  # fmt: skip
KEYS = {
    "setl_id",
    "bkkp_sn",
    "mdtrt_id",
    "warning_id",
    "object_id",
    "benefit_id",
    "fixmedins_code",
    "rule_id",
}
PERSONS = {"certno", "psn_no", "name", "psn_name", "holder_name", "household_id"}
LENIENT = {"brdy", "birth_date", "psn_insu_date", "year", "benefit_year", "diag_srt_no", "fee_ocur_time"}
"""Fields whose unreadable value is a finding and unknown: nothing is computed from them that money hangs on."""
FUND_FIELDS = [AMOUNTS[part].split()[0] for part in FUND_PARTS]
"""Source fields of the parts of the fund total."""
_BY_KIND = {
    "date": "date",
    "datetime": "date",
    "period": "date",
    "period_end": "date",
    "month": "date",
    "integer": "date",
    "amount": "amount",
    "quantity": "amount",
}


@dataclass
class Faults:
    """First fault of each row, gathered in any order."""

    height: int
    found: list[tuple[int, str, str, str, pl.Series]] = field(default_factory=list)

    def add(self, rule: str, column: str, what_zh: str, mask: pl.Series | None) -> None:
        """Note the rows of `mask` as faulty by `rule` in the column with that header."""
        if mask is not None and mask.any():
            self.found.append((RULES.index(rule), rule, column, what_zh, mask.fill_null(False)))

    def any(self) -> pl.Series:
        """Mask of rows with a fault."""
        mask = pl.repeat(False, self.height, eager=True)
        for *_, rows in self.found:
            mask = mask | rows
        return mask

    def first(self) -> pl.DataFrame:
        """`row` (position), `rule`, `column_name`, `what_zh` of each faulty row, its first fault only."""
        frames = [
            pl.DataFrame({"row": rows.arg_true().cast(pl.Int64)}).with_columns(
                order=pl.lit(number, dtype=pl.Int64),
                rule=pl.lit(rule),
                column_name=pl.lit(column),
                what_zh=pl.lit(what),
            )
            for number, (_, rule, column, what, rows) in enumerate(sorted(self.found, key=lambda f: f[0]))
        ]
        schema = {
            "row": pl.Int64,
            "order": pl.Int64,
            "rule": pl.String,
            "column_name": pl.String,
            "what_zh": pl.String,
        }
        every = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
        return every.sort("row", "order").unique("row", keep="first", maintain_order=True).drop("order")


@dataclass
class Typed:
    """A typed batch: the fields of the table (amounts in fen), `sheet`, `source_row`; its faults and findings."""

    frame: pl.DataFrame
    faults: Faults
    findings: dict[tuple[str, str], int] = field(default_factory=dict)
    unreadable: dict[str, pl.Series] = field(default_factory=dict)

    def note(self, rule: str, message_zh: str, count: int) -> None:
        if count:
            self.findings[(rule, message_zh)] = self.findings.get((rule, message_zh), 0) + count


def rule_of(table: str, target: str) -> str:
    """The rule name under which a missing or unreadable value of a field is reported."""
    if (
        target in KEYS
        and SOURCES[table].fields.get(target) == "id"
        and not (table == "setl_d" and target == "fixmedins_code")
    ):
        return "key"
    if target in PERSONS:
        return "person"
    return _BY_KIND.get(SOURCES[table].fields.get(target, "text"), "code")


def typed(raw: pl.DataFrame, layout: Layout, content_hash: str) -> Typed:
    """Type a raw batch: columns are the layout's fields as text, with `sheet` and `source_row`.

    Certificates stay text here (`normalise_people` reads them). Fields of the table that the layout does not yield
    are there as nulls.
    """
    source = SOURCES[layout.table]
    out = Typed(raw, Faults(raw.height))
    amounts = [t for t, k in source.fields.items() if k == "amount" and t in raw.columns]
    others = [t for t, k in source.fields.items() if k != "amount" and t in raw.columns]
    columns = _columns(raw, others, layout)
    for target, (_, bad) in zip(others, columns, strict=True):
        _note_unreadable(out, layout, target, source.fields[target], bad)
    frame = pl.DataFrame(
        [raw["sheet"], raw["source_row"], *(c.alias(t) for t, (c, _) in zip(others, columns, strict=True))]
    )
    money, bad_money = fen(raw.select(amounts), amounts) if amounts else (pl.DataFrame(), {})
    for target, mask in bad_money.items():
        out.unreadable[target] = mask
        what = "金额读不出或多于两位小数，请按元、两位小数的数字重新导出"
        out.faults.add("amount", layout.header_of(target), what, mask)
    out.frame = _filled(
        pl.concat([frame, money], how="horizontal") if amounts else frame, layout, content_hash
    )
    if (
        layout.table != "setl_d"
    ):  # only there is so much text that codes stay categories until they are written
        out.frame = out.frame.with_columns(pl.col(pl.Categorical).cast(pl.String))
    _missing_values(out, layout)
    return out


Reader = Callable[[pl.Series], tuple[pl.Series, pl.Series | None]]
"""Texts → values and the mask of unreadable ones, if any."""
_READERS: dict[str, Reader] = {
    "date": dates, "datetime": datetimes, "period": periods, "period_end": period_ends, "month": months,
    "integer": integers, "quantity": quantities,
}  # fmt: skip


def _columns(
    raw: pl.DataFrame, targets: list[str], layout: Layout
) -> list[tuple[pl.Series, pl.Series | None]]:
    """The typed columns (see `_column`). What few rows hold is looked over at once, and only what is odd is cleaned."""
    kinds = {target: SOURCES[layout.table].fields[target] for target in targets}
    if not is_small(raw):
        # polars works on one column at a time here and lets go of the interpreter: two columns go at once
        with ThreadPoolExecutor(max_workers=2) as pool:
            return list(pool.map(lambda t: _column(raw[t], t, kinds[t], layout), targets))
    texts = [t for t in targets if raw[t].dtype == pl.String]
    of = {kind: [t for t in texts if kinds[t] in kind] for kind in (("id",), ("code",), ("text", "person"))}
    odd = odd_columns(raw, *of.values())
    clean = {t for names in of.values() for t in names} - odd - set(layout.labels)
    return [(raw[t], None) if t in clean else _column(raw[t], t, kinds[t], layout) for t in targets]


def _column(texts: pl.Series, target: str, kind: str, layout: Layout) -> tuple[pl.Series, pl.Series | None]:
    """The typed column and the mask of unreadable values, if any."""
    if kind == "cert":
        return texts, None
    if kind in ("text", "person"):
        return cleaned(texts), None
    if kind == "code":
        return cleaned_codes(texts, layout.labels.get(target)), None
    if kind == "sign":
        return cleaned_signs(texts), None
    if kind == "id":
        clean = cleaned_ids(texts)
        if target == "psn_no" and layout.opaque_psn_no:
            # masked throughout is still the number that the file shows; only `***` stands for nothing
            masked = texts.str.contains(r"^\*{4,}$").fill_null(False)
            clean = texts.zip_with(masked, clean)
        return clean, None
    if texts.dtype == pl.Categorical:
        return _by_category(texts, _READERS[kind])
    return _READERS[kind](texts)


def _by_category(texts: pl.Series, read: Reader) -> tuple[pl.Series, pl.Series | None]:
    """Read the few categories instead of many rows."""
    distinct = texts.unique()
    values, bad = read(distinct.cast(pl.String))
    found = texts.replace_strict(distinct, values, return_dtype=values.dtype)
    return found, None if bad is None else texts.replace_strict(distinct, bad, return_dtype=pl.Boolean)


def _note_unreadable(out: Typed, layout: Layout, target: str, kind: str, bad: pl.Series | None) -> None:
    header = layout.header_of(target)
    if bad is None:
        return
    out.unreadable[target] = bad
    if target in LENIENT:
        out.note("unreadable", f"「{header}」读不出，按未知处理", int(bad.sum()))
    elif _BY_KIND.get(kind) == "date" and kind != "integer":
        out.faults.add("date", header, "日期读不出或不存在，请更正后重新导出", bad)
    else:
        out.faults.add(rule_of(layout.table, target), header, "数字读不出，请更正后重新导出", bad)


_DTYPES: dict[str, DataType | DataTypeClass] = {
    "amount": pl.Int64, "date": pl.Date, "datetime": pl.Datetime("us"), "period": pl.Date, "period_end": pl.Date,
    "month": pl.Int32, "integer": pl.Int32,
    "quantity": pl.Float64,
}  # fmt: skip


def _filled(frame: pl.DataFrame, layout: Layout, content_hash: str) -> pl.DataFrame:
    """Derivations for fields without a column, constants for what is missing, null columns for the rest."""
    source = SOURCES[layout.table]
    delivered = set(frame.columns)
    absent = [t for t in source.fields if t not in delivered and t not in layout.derive]
    frame = frame.with_columns(
        pl.lit(None, dtype=_DTYPES.get(source.fields[t], pl.String)).alias(t) for t in absent
    )
    if "psn_pay" in layout.derive and "acct_pay" in layout.derive["psn_pay"]:
        frame = frame.with_columns(acct_pay=_account_or_none("fund_pay_sumamt" in delivered))
    for target, formula in layout.derive.items():
        own = derived(formula, source.fields, content_hash)
        known = pl.coalesce(target, own) if target in delivered else own
        frame = frame.with_columns(known.alias(target))
    return frame.with_columns(
        (pl.col(t).cast(pl.String) if frame[t].dtype == pl.Categorical else pl.col(t)).fill_null(
            pl.lit(value)
        )
        for t, value in layout.constants.items()
    )


def _account_or_none(fund_delivered: bool) -> pl.Expr:
    """The personal account; an empty one is 0 where the fund's parts and the cash make up the total without it (D)."""
    funds, hospital = pl.sum_horizontal(pl.col(FUND_FIELDS)), pl.col("ownpay_hosp_part").fill_null(0)
    paid = pl.col("medfee_sumamt") - pl.col("cash_payamt") - hospital
    if fund_delivered:
        paid = pl.coalesce("fund_pay_sumamt", paid)
    any_known = pl.any_horizontal(pl.col(FUND_FIELDS).is_not_null())
    nothing_left = any_known & ((paid - funds).abs() <= TOLERANCE_FEN)
    return (
        pl.when(pl.col("acct_pay").is_null() & nothing_left).then(0).otherwise("acct_pay").alias("acct_pay")
    )


def derived(formula: str, fields: dict[str, str] | object, content_hash: str) -> pl.Expr:
    """A named derivation: `content_hash + row`, another field, or a sum and difference of amounts in fen.

    `ownpay_hosp_part` that is unknown counts as nothing to take off (contract §3); any other unknown amount leaves
    the result unknown.
    """
    if formula.replace(" ", "") == "content_hash+row":
        sheet = pl.when(pl.col("sheet").is_null()).then(pl.lit("")).otherwise(pl.col("sheet") + "-")
        return pl.lit(content_hash[:16] + "-") + sheet + pl.col("source_row").cast(pl.String)
    tokens = formula.split()
    result = _operand(tokens[0])
    for sign, name in zip(tokens[1::2], tokens[2::2], strict=True):
        result = result + _operand(name) if sign == "+" else result - _operand(name)
    return result


def _operand(name: str) -> pl.Expr:
    return pl.col(name).fill_null(0) if name == "ownpay_hosp_part" else pl.col(name)


def _missing_values(out: Typed, layout: Layout) -> None:
    """Faults for values that a row must show and does not; one that is there but unreadable has its own fault."""
    for group in layout.values:
        if all(target in PERSONS for target in group) and any(t in ("certno", "psn_no") for t in group):
            continue  # `normalise_people` decides whether a row shows a person
        present = [out.frame[target] for target in group if target in out.frame.columns]
        if present and all(series.null_count() for series in present):
            mask = present[0].is_null()
            for series in present[1:]:
                mask = mask & series.is_null()
            for target in group:
                if target in out.unreadable:
                    mask = mask & ~out.unreadable[target]
            header = "或".join(layout.header_of(target) for target in group)
            out.faults.add(rule_of(layout.table, group[0]), header, "必填而为空，请补齐后重新导出", mask)
