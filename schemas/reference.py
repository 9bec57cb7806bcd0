"""Reference tables in use (参考表): the shipped ones, with the bureau's local additions on top.

A file of the same name under `<home>/reference/` adds to the shipped one and wins where the key is the
same. Everything is read as text first; dates, years and amounts are typed afterwards, and what does not
fit is an error (Chinese) that names file, row and column. Nothing is invented: a table may be empty.
"""

import hashlib
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import polars as pl

from schemas.reference_tables import TABLES, Column, Table

__all__ = [
    "Reference",
    "ReferenceTableError",
    "category_ranks",
    "identity_codes",
    "identity_words",
    "load_reference",
    "med_groups",
    "normal_label",
    "ranked_categories",
    "reference_hash",
    "resolve_region",
]

#: Policy whose identity wordings serve where the region's own policy does not know one.
FALLBACK_POLICY = "Z"


class ReferenceTableError(ValueError):
    """A reference table is wrong; the message (Chinese) names file, row and column."""


@dataclass(frozen=True)
class Reference:
    """All reference tables: name → typed frame; `local` names those that the bureau has delivered itself.

    Types: `date` columns are Date, years Int32, amounts stay text with `<name>_fen` (Int64) beside them,
    everything else is text; an empty cell is null.
    """

    tables: dict[str, pl.DataFrame]
    local: frozenset[str]

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self.tables[name]

    def is_empty(self, name: str) -> bool:
        return self.tables[name].is_empty()


def load_reference(shipped: Path, local: Path | None) -> Reference:
    """Read every known table of `shipped` and add those of `local` (None: no local folder).

    Raises ReferenceTableError for a missing shipped table, an unknown local file, a wrong header or value.
    """
    if local is not None:
        _refuse_unknown(local)
    tables: dict[str, pl.DataFrame] = {}
    delivered = set()
    for name, table in TABLES.items():
        frame = _read(shipped / f"{name}.csv", table)
        own = local / f"{name}.csv" if local is not None else None
        if own is not None and own.exists():
            delivered.add(name)
            added = _read(own, table)
            frame = pl.concat([frame.join(added, on=table.key, how="anti", nulls_equal=True), added])
        tables[name] = frame
    reference = Reference(tables, frozenset(delivered))
    _check_across(reference)
    return reference


def reference_hash(shipped: Path, local: Path | None) -> str:
    """SHA-256 over the bytes of all reference files that count, shipped first, then local, by name."""
    digest = hashlib.sha256()
    for place, folder in (("shipped", shipped), ("local", local)):
        for path in sorted(folder.glob("*.csv")) if folder is not None else []:
            content = path.read_bytes()
            digest.update(f"{place}/{path.name}/{len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()


def identity_codes(reference: Reference, policy_id: str) -> pl.DataFrame:
    """Wording → category codes under a policy (救助身份对照).

    Columns: label, codes (List[String], empty: known wording without category), valid_from (Date or null),
    bare_expense (Boolean: a bare 支出型, which asks a question). Each wording stands in its normal form
    (`normal_label`), as it is written in the table, and with the brackets and dashes that departments use
    instead. A wording that the policy has no row for is taken from the provincial policy's rows.
    """
    frame = reference["identity_label"].with_columns(
        normal=normal_label(pl.col("label")),
        codes=pl.col("codes").fill_null("").str.split("|").list.eval(pl.element().filter(pl.element() != "")),
    )
    own = frame.filter(pl.col("policy") == policy_id)
    rest = frame.filter(pl.col("policy") == FALLBACK_POLICY).join(own, on="normal", how="anti")
    rows = pl.concat([own, rest])
    full_width = pl.col("normal").str.replace_many(["(", ")"], ["（", "）"])
    spellings = [pl.col("normal"), pl.col("label"), full_width]
    spellings += [text.str.replace_all("-", "—", literal=True) for text in spellings]
    return (
        rows.select(
            pl.concat_list(spellings).list.unique(maintain_order=True).alias("label"),
            "codes",
            "valid_from",
            bare_expense=(pl.col("codes").list.join("|") == "ZHICHU"),
        )
        .explode("label")
        .unique(["label", "valid_from"], keep="first", maintain_order=True)
        .sort("label", "valid_from", nulls_last=False)
    )


def category_ranks(reference: Reference) -> dict[str, int]:
    """Category code → rank (1 is the highest) for the unique category of a person and day.

    A category without a rank (困难职工: named, without a rate) is an identity and never the unique category.
    """
    ranks = reference["category"].select("code", "rank").drop_nulls("rank")
    return {code: int(rank) for code, rank in ranks.iter_rows()}


def ranked_categories(reference: Reference) -> list[str]:
    """The codes that can be the unique category, best first."""
    ranks = category_ranks(reference)
    return sorted(ranks, key=ranks.__getitem__)


def identity_words(text: pl.Expr) -> pl.Expr:
    """The single wordings of an identity cell, as List[str], normalised for a join with `identity_codes`.

    Full-width signs become half-width, dashes alike, a code suffix (特困人员-7131) goes; separators are
    、 ， , ； ; ； | / and blanks, except inside brackets. "-", 无 and 暂无 yield an empty list.
    """
    words = _normal_cell(text).str.split(" ")
    return words.list.eval(
        pl.element()
        .str.replace(r"^(.+)-\d{4}$", "$1")
        .filter(~pl.element().is_in(["", "-", "--", "无", "暂无"]))
    )


def normal_label(label: pl.Expr) -> pl.Expr:
    """A single wording in its normal form: half-width signs, plain dashes, no blanks, no code suffix."""
    return identity_words(label).list.join("")


def _normal_cell(text: pl.Expr) -> pl.Expr:
    """The cell with half-width signs, blanks as the only separators, and none left inside brackets."""
    wide = "，；｜／（）～－：“”　"
    narrow = list(',;|/()~-:"" ')
    out = text.str.strip_chars().str.replace_many(list(wide), narrow)
    out = out.str.replace_all(r"[—–−~]+", "-").str.replace_all('"', "", literal=True)
    for _ in range(3):  # up to three separators inside one bracket
        out = out.str.replace_all(r"\(([^()]*)[、,;|/\s]([^()]*)\)", "($1$2)")
    return out.str.replace_all(r"[、,;|/\s]+", " ")


def med_groups(reference: Reference, province: str) -> dict[str, str]:
    """`med_type` code → inpatient/outpatient/pharmacy/other in a province (first two digits of a region).

    The province's own rows win over the national ones. A code that is not in the answer is unknown.
    """
    frame = reference["med_type"]
    groups: dict[str, str] = {}
    for scope in ("*", province):
        for code, group in frame.filter(pl.col("province") == scope).select("code", "group").iter_rows():
            for exact in _expand(code):
                groups[exact] = group
    return groups


def _expand(pattern: str) -> list[str]:
    """The codes that a pattern with ? stands for ("21??" → 2100 … 2199)."""
    codes = [""]
    for sign in pattern:
        digits = "0123456789" if sign == "?" else sign
        codes = [code + digit for code in codes for digit in digits]
    return codes


def resolve_region(reference: Reference, use: str) -> pl.DataFrame:
    """Aliases of a use (insured, institution, roster): code, stands_for, valid_from, valid_to."""
    return reference["region_alias"].filter(pl.col("use") == use).drop("use", "source")


def _refuse_unknown(local: Path) -> None:
    for path in sorted(local.glob("*.csv")):
        if path.stem not in TABLES:
            raise ReferenceTableError(f"{path.name}:不认识的参考表;可用的有 {'、'.join(sorted(TABLES))}")


def _read(path: Path, table: Table) -> pl.DataFrame:
    """One file, typed and checked; column order and extra blanks do not matter."""
    if not path.exists():
        raise ReferenceTableError(f"{path.name}:缺少参考表({table.title})")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReferenceTableError(f"{path.name}:不是 UTF-8 编码,请另存为 CSV UTF-8") from error
    try:
        raw = pl.read_csv(BytesIO(text.encode()), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise ReferenceTableError(f"{path.name}:读不出表格({type(error).__name__})") from error
    names = [name.strip() for name in raw.columns]
    missing = [name for name in table.columns if name not in names]
    extra = [name for name in names if name not in table.columns]
    if missing or extra:
        raise ReferenceTableError(f"{path.name}:表头不符,缺少 {missing or '无'},多出 {extra or '无'}")
    raw.columns = names
    blank = pl.all().str.strip_chars().replace("", None)
    frame = raw.select(*table.columns).with_columns(blank)
    for name, column in table.columns.items():
        frame = _typed(frame, path.name, name, column)
    _check_key(frame, path.name, table)
    return frame


def _typed(frame: pl.DataFrame, file: str, name: str, column: Column) -> pl.DataFrame:
    """`frame` with one column checked and typed; an amount gets its fen beside it."""
    text = pl.col(name)
    if column.required:
        _refuse(frame, text.is_null(), file, name, "不能为空")
    if column.allowed:
        _refuse(frame, ~text.is_in(column.allowed), file, name, f"只能是 {'、'.join(column.allowed)}")
    match column.type:
        case "text":
            return frame
        case "region":
            _refuse(frame, ~text.str.contains(r"^\d{6}$"), file, name, "须为六位区划代码")
            return frame
        case "date":
            typed = text.str.to_date("%Y-%m-%d", strict=False)
            _refuse(frame, text.is_not_null() & typed.is_null(), file, name, "日期须写成 2024-02-01 的样子")
            return frame.with_columns(typed)
        case "year":
            _refuse(frame, ~text.str.contains(r"^(19|20)\d{2}$"), file, name, "须为四位年份")
            return frame.with_columns(text.cast(pl.Int32))
        case "yuan":
            _refuse(
                frame, ~text.str.contains(r"^\d{1,12}(\.\d{1,2})?$"), file, name, "金额至多两位小数,不带逗号"
            )
            parts = text.str.split_exact(".", 1)
            whole = parts.struct.field("field_0").cast(pl.Int64) * 100
            cents = parts.struct.field("field_1").fill_null("").str.pad_end(2, "0").cast(pl.Int64)
            return frame.with_columns((whole + cents).alias(name.replace("_yuan", "_fen")))


def _refuse(frame: pl.DataFrame, bad: pl.Expr, file: str, name: str, why: str) -> None:
    """Raise for the first row where `bad` is true; the first data row is row 2, as a spreadsheet shows it."""
    rows = frame.select(bad.fill_null(False).arg_true()).to_series()
    if len(rows):
        raise ReferenceTableError(f"{file}:第{rows[0] + 2}行 {name}:{why}")


def _check_key(frame: pl.DataFrame, file: str, table: Table) -> None:
    double = pl.struct(table.key).is_duplicated() & ~pl.struct(table.key).is_first_distinct()
    _refuse(frame, double, file, "+".join(table.key), "与前面的行重复")


def _check_across(reference: Reference) -> None:
    """What only shows between tables: unknown categories in wordings, ranks, reversed date spans."""
    known = set(reference["category"]["code"])
    for label, codes in reference["identity_label"].select("label", "codes").iter_rows():
        for code in (codes or "").split("|"):
            if code and code not in known:
                raise ReferenceTableError(f"identity_label.csv:“{label}”:未知的类别 {code}")
    ranks = reference["category"]["rank"].drop_nulls().to_list()
    if not all(re.fullmatch(r"\d+", rank) for rank in ranks) or len(set(ranks)) != len(ranks):
        raise ReferenceTableError("category.csv:rank 须为互不相同的整数，或留空（不作唯一类别）")
    for policy, share, rows in reference["roster_check"].drop("source").iter_rows():
        if not re.fullmatch(r"0(\.\d{1,4})?|1(\.0+)?", share) or not re.fullmatch(r"\d{1,6}", rows):
            raise ReferenceTableError(
                f"roster_check.csv:“{policy}”:shrink_share 须为 0 到 1 的小数，shrink_rows 须为整数"
            )
    for name in ("negative_list", "special_disease", "region_alias"):
        frame = reference[name]
        if frame.filter(pl.col("valid_to") < pl.col("valid_from")).height:
            raise ReferenceTableError(f"{name}.csv:有一行 valid_to 早于 valid_from")
    if reference["working_calendar"].filter(pl.col("date_to") < pl.col("date_from")).height:
        raise ReferenceTableError("working_calendar.csv:有一行 date_to 早于 date_from")
