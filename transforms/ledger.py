"""What a fund has paid (已付台账), matched to the benefit lines it was paid on. All amounts in fen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from transforms.pseudonym import key_texts
from transforms.spans import FAR
from transforms.units import Units, unit_people

Ids = Callable[[pl.Series], pl.Series]
"""Text keys → public ids (B…), the same on every run."""


def benefit_ids(unit_ids: pl.Series, rule_id: str, cost_year: int, ids: Ids) -> pl.Series:
    """Stable id of the benefit line of a rule, unit and cost year."""
    return ids(
        pl.select(pl.format("benefit|{}|{}|{}", pl.lit(rule_id), unit_ids, pl.lit(cost_year))).to_series()
    )


MISSING = "已付台账的记录找不到对应的家庭或待遇，请核对对象编号和费用年度"
UNKNOWN = "已付台账的待遇编号不是任何已发布年度的待遇，请核对待遇编号，或改写规则、对象编号和费用年度"
SEVERAL = "已付台账的对象有几次就医，金额按就医先后记入各次；如有不同请写待遇编号"
PLACE = ["file_id", "sheet", "source_row"]
"""Which ledger row it is."""


def adjustment_ids(benefits: pl.Series, ids: Ids) -> pl.Series:
    """Stable id of the line that adjusts a line which was paid, or promised on a closed list."""
    return ids(pl.select(pl.format("adjustment|{}", benefits)).to_series())


def paid_lines(
    paid: pl.DataFrame,
    found: Units,
    rule_id: str,
    cost_year: int,
    ids: Ids,
    aliases: pl.DataFrame | None = None,
    words: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Ledger rows (core PaidLedger) of a rule and cost year with unit_id, benefit_id and finding_zh.

    A row is matched by its 待遇编号, else by 规则 + 对象编号 + 费用年度; a household number may be one that
    the year's household took over (`aliases`: household_id, year_household_id), a certificate number stands
    for the unit of that person, a category may be written in words (`words`: wording → code). A 待遇编号 of a
    number that was taken over, or of a household that has been split since, stands for that number. A row of the
    rule and year that fits no unit keeps unit_id null and says so.
    """
    units = found.units.select("unit_id", "household_id")
    units = units.with_columns(by_benefit=benefit_ids(units["unit_id"], rule_id, cost_year, ids))
    same_rule = (pl.col("rule_id") == rule_id) & (pl.col("cost_year") == cost_year)
    older = _objects(found, aliases if paid["benefit_id"].is_not_null().any() else None)
    older = older.with_columns(benefit_id=benefit_ids(older["of_line"], rule_id, cost_year, ids))
    if paid["benefit_id"].is_not_null().any():
        later = older.with_columns(benefit_id=adjustment_ids(older["benefit_id"], ids))
        older = pl.concat([older, later])
    mine = paid.join(older, on="benefit_id", how="left", maintain_order="left").filter(
        pl.col("of_line").is_not_null() | same_rule.fill_null(False)
    )
    number = pl.coalesce("object_id", "of_line").str.split_exact("/", 1)
    matched = (
        mine.with_row_index("paid_no")
        .join(
            units.select(benefit_id="by_benefit", of_benefit="unit_id"),
            on="benefit_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            number.struct.field("field_0").alias("number"),
            number.struct.field("field_1").replace(dict(words or {})).alias("part"),
        )
    )
    if aliases is not None and not aliases.is_empty():
        renamed = aliases.select(number="household_id", new="year_household_id").unique("number")
        matched = matched.join(renamed, on="number", how="left", maintain_order="left").with_columns(
            pl.coalesce("new", "number").alias("number")
        )
    whole = pl.when(pl.col("part").is_null()).then("number").otherwise(pl.format("{}/{}", "number", "part"))
    matched = (
        matched.with_columns(object_unit=whole)
        .join(
            units.select(object_unit="unit_id", of_object="unit_id"),
            on="object_unit",
            how="left",
            maintain_order="left",
        )
        .join(
            _unit_of_person(found),
            left_on="object_key",
            right_on="person_key",
            how="left",
            maintain_order="left",
        )
        .with_columns(unit_id=pl.coalesce("of_benefit", "of_object", "of_person"))
        .join(units.select("unit_id", "by_benefit"), on="unit_id", how="left", maintain_order="left")
    )
    return matched.with_columns(
        pl.coalesce("by_benefit", "benefit_id").alias("benefit_id"),
        pl.when(pl.col("unit_id").is_null()).then(pl.lit(MISSING)).alias("finding_zh"),
    ).select(*paid.columns, "unit_id", "finding_zh")


def _objects(found: Units, aliases: pl.DataFrame | None) -> pl.DataFrame:
    """of_line: every unit that the year's households have or could have had: their numbers, whole and by category."""
    numbers = [found.units["household_id"]]
    if aliases is not None:
        numbers.append(aliases["household_id"])
    whole = pl.concat(numbers).unique().sort().alias("of_line").to_frame()
    codes = found.spans.select(part="category").unique().sort("part")
    parts = whole.join(codes, how="cross").select(of_line=pl.format("{}/{}", "of_line", "part"))
    return pl.concat([whole, parts])


def _unit_of_person(found: Units) -> pl.DataFrame:
    """person_key, of_person: the unit of the person's last certificate of the year."""
    return (
        found.spans.sort(
            "person_key", pl.col("valid_to").fill_null(FAR), "unit_id", descending=[False, True, False]
        )
        .unique("person_key", keep="first", maintain_order=True)
        .select("person_key", of_person="unit_id")
    )


def paid_by_unit(lines: pl.DataFrame) -> pl.DataFrame:
    """unit_id, paid_fen: what was paid so far, less what was returned."""
    return (
        lines.filter(pl.col("unit_id").is_not_null())
        .group_by("unit_id")
        .agg(paid_fen=pl.col("amount_fen").sum())
    )


def paid_people(lines: pl.DataFrame, found: Units, cost_year: int) -> pl.DataFrame:
    """person_key, cost_year, amount_fen: the ledger lines of the units that a person belongs to."""
    return (
        lines.filter(pl.col("unit_id").is_not_null())
        .select("unit_id", "amount_fen")
        .join(unit_people(found), on="unit_id")
        .select("person_key", pl.lit(cost_year, pl.Int32).alias("cost_year"), "amount_fen")
        .unique()
    )


def no_paid_people() -> pl.DataFrame:
    """`paid_people` where nothing was paid."""
    return pl.DataFrame(schema={"person_key": pl.Int64, "cost_year": pl.Int32, "amount_fen": pl.Int64})


# ---- lines of single visits


def of_visits(
    paid: pl.DataFrame, drafts: pl.DataFrame, earlier: pl.DataFrame, cost_year: int, ids: Ids
) -> pl.DataFrame:
    """Ledger rows of the year's visit lines: the columns of `paid`, benefit_id of the line, unit_id, finding_zh.

    drafts: benefit_id, rule_id, unit_id, person_key, setl_time, visit_id, amount_fen; earlier: `earlier_numbers`. A row
    is matched by its 待遇编号 (also that of an adjustment), else by 规则 + 身份证号 + 费用年度. Where the person has several
    lines under the rule the money is laid on them in the order of the visits, at most the amount of each, the rest on
    the last one, and the row stands once a line. A row of one of the rules and the year that fits nobody keeps unit_id
    null and says so.
    """
    if paid.is_empty():
        return paid.with_columns(unit_id=pl.lit(None, pl.String), finding_zh=pl.lit(None, pl.String))
    lines = drafts.select("benefit_id", "unit_id")
    old = earlier.select(own_id="number", benefit_id="benefit_id").join(lines, on="benefit_id")
    named = pl.concat(
        [
            lines.with_columns(own_id="benefit_id"),
            lines.with_columns(own_id=adjustment_ids(drafts["benefit_id"], ids)),
            old.select("benefit_id", "unit_id", "own_id"),
        ]
    ).unique("own_id", keep="first", maintain_order=True)
    by_id = paid.join(
        named.rename({"benefit_id": "line_id"}),
        left_on="benefit_id",
        right_on="own_id",
        maintain_order="left",
    ).with_columns(benefit_id="line_id", finding_zh=pl.lit(None, pl.String))
    same = pl.col("rule_id").is_in(drafts["rule_id"].unique().implode()) & (pl.col("cost_year") == cost_year)
    open_ = paid.filter(same.fill_null(False)).join(
        by_id.select(PLACE), on=PLACE, how="anti", nulls_equal=True
    )
    columns = [*paid.columns, "unit_id", "finding_zh"]
    return pl.concat([by_id.select(columns), _laid(open_, by_id, drafts).select(columns)])


NUMBERS = pl.Schema(
    {"number": pl.String, "benefit_id": pl.String, "rule_id": pl.String, "unit_id": pl.String,
     "person_key": pl.Int64, "setl_id": pl.String, "stands": pl.Boolean}
)  # fmt: skip


def earlier_numbers(
    paid: pl.DataFrame,
    drafts: pl.DataFrame,
    settlements: pl.DataFrame,
    rules: list[str],
    cost_year: int,
    ids: Ids,
) -> pl.DataFrame:
    """NUMBERS: the 待遇编号 of the ledger that no line has now, and the settlement that each was made of.

    A stay that another settlement has joined has a new number: then benefit_id is that of its line now (stands).
    A visit that was reversed, or has no line any more, keeps its number. settlements: setl_id, person_key, visit_id
    (null: counts no more).
    """
    known = pl.concat([drafts["benefit_id"], adjustment_ids(drafts["benefit_id"], ids)])
    asked = paid["benefit_id"].drop_nulls().unique()
    asked = asked.filter(~asked.is_in(known.implode()))
    if asked.is_empty():
        return NUMBERS.to_frame()
    units = settlements.with_columns(unit_id=key_texts(settlements["person_key"], "P"))
    each = units.join(pl.DataFrame({"rule_id": rules}, schema={"rule_id": pl.String}), how="cross")
    text = pl.format("benefit|{}|{}|{}|{}", "rule_id", "unit_id", pl.lit(cost_year), "setl_id")
    first = ids(each.select(text).to_series())
    made = each.with_columns(number=first, own=first)
    made = pl.concat([made, made.with_columns(number=adjustment_ids(first, ids))]).filter(
        pl.col("number").is_in(asked.implode())
    )
    now = drafts.select("rule_id", "visit_id", now="benefit_id")
    return (
        made.join(now, on=["rule_id", "visit_id"], how="left", maintain_order="left")
        .with_columns(benefit_id=pl.coalesce("now", "own"), stands=pl.col("now").is_not_null())
        .select(NUMBERS.names())
        .cast(NUMBERS)
        .unique("number", keep="first", maintain_order=True)
    )


def _laid(rows: pl.DataFrame, by_id: pl.DataFrame, drafts: pl.DataFrame) -> pl.DataFrame:
    """Rows that name rule and person, laid on the lines of that person: one row a line."""
    room = _room(by_id, drafts)
    laid: list[dict[str, object]] = []
    for row in rows.sort("paid_on", *PLACE, nulls_last=True).iter_rows(named=True):
        lines = room.get((row["rule_id"], row["object_key"]), [])
        if not lines:
            laid.append(row | {"unit_id": None, "finding_zh": MISSING})
            continue
        said = SEVERAL if len(lines) > 1 else None
        for line, part in _parts(lines, row["amount_fen"]):
            told = {"benefit_id": line.benefit_id, "unit_id": line.unit_id, "amount_fen": part}
            laid.append(row | told | {"finding_zh": said})
    schema = dict(rows.schema) | {"unit_id": pl.String(), "finding_zh": pl.String()}
    return pl.DataFrame(laid, schema=schema, orient="row")


@dataclass
class Line:
    """A visit line: what it is due, and what has been laid on it."""

    benefit_id: str
    unit_id: str
    due: int
    paid: int


def _room(by_id: pl.DataFrame, drafts: pl.DataFrame) -> dict[tuple[str, int], list[Line]]:
    """The lines of each rule and person in the order of their visits."""
    before = paid_by_benefit(by_id)
    rows = (
        drafts.join(before, on="benefit_id", how="left", maintain_order="left")
        .sort("rule_id", "person_key", "setl_time", "visit_id")
        .select(
            "rule_id",
            "person_key",
            "benefit_id",
            "unit_id",
            pl.col("amount_fen").fill_null(0),
            pl.col("paid_fen").fill_null(0),
        )
    )
    found: dict[tuple[str, int], list[Line]] = {}
    for rule, person, benefit, unit, due, paid in rows.iter_rows():
        found.setdefault((rule, person), []).append(Line(benefit, unit, due, paid))
    return found


def _parts(lines: list[Line], amount: int) -> list[tuple[Line, int]]:
    """How much of an amount falls on which line; money returned comes off the latest lines first."""
    parts: list[tuple[Line, int]] = []
    left = amount
    for line in lines if amount >= 0 else reversed(lines):
        part = min(left, max(0, line.due - line.paid)) if amount >= 0 else max(left, -max(0, line.paid))
        if part:
            parts.append((line, part))
            line.paid += part
            left -= part
    if left or not parts:
        last = lines[-1]
        last.paid += left
        parts.append((last, left))
    return parts


def paid_by_benefit(claimed: pl.DataFrame) -> pl.DataFrame:
    """benefit_id, paid_fen: what was paid on each line so far, less what was returned."""
    return (
        claimed.filter(pl.col("unit_id").is_not_null())
        .group_by("benefit_id", maintain_order=True)
        .agg(paid_fen=pl.col("amount_fen").sum())
    )


def unclaimed(paid: pl.DataFrame, claimed: list[pl.DataFrame], cost_year: int) -> pl.DataFrame:
    """Ledger rows of the year, or without a year, that no rule has a line for: the columns of `paid`, finding_zh.

    `claimed`: the rows that the rules have matched or listed themselves. A row without a year may be another year's:
    which it is shows when all years stand beside each other.
    """
    known = pl.concat([paid.select(PLACE).clear(), *(rows.select(PLACE) for rows in claimed)]).unique()
    mine = (pl.col("cost_year") == cost_year) | pl.col("cost_year").is_null()
    text = pl.when(pl.col("benefit_id").is_not_null()).then(pl.lit(UNKNOWN)).otherwise(pl.lit(MISSING))
    return (
        paid.filter(mine)
        .join(known, on=PLACE, how="anti", nulls_equal=True, maintain_order="left")
        .with_columns(finding_zh=text)
    )


# ---- what changes after money was paid or promised


def adjustments(lines: pl.DataFrame, ids: Ids) -> pl.DataFrame:
    """A line for each line whose amount is another than what was paid, or stands on a closed list: the difference.

    lines: rows of benefit_line with paid_fen, adjustment_fen and closed_fen. Negative: to be returned (追回 or 抵扣).
    What was paid stays where it is.
    """
    promised = (
        pl.when(pl.col("paid_fen").fill_null(0) != 0)
        .then(pl.col("amount_fen") - pl.col("adjustment_fen"))
        .otherwise(pl.col("closed_fen").fill_null(0))
    )
    moved = lines.filter(
        pl.col("status").is_in(["adjust_up", "adjust_down"]) & (promised != 0).fill_null(False)
    )
    empty = [
        name
        for name in (
            "base_fen", "threshold_fen", "rate", "limit_before_fen", "limit_after_fen", "paid_fen", "closed_fen",
            "adjustment_fen", "recorded_fen", "floor_fen",
        )
        if name in lines.columns
    ]  # fmt: skip
    fresh = moved.with_columns(
        amount_fen=pl.col("amount_fen") - promised,
        adjustment_of="benefit_id",
        benefit_id=adjustment_ids(moved["benefit_id"], ids),
    )
    return fresh.with_columns(pl.lit(None, lines.schema[name]).alias(name) for name in empty)
