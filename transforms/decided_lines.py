"""Decisions on benefit lines: which line a decision means, what it says of the amount, and whether it is stale.

确认 confirms the amount that the default reading gives; 按读法 and 核定金额 set the amount and confirm it; 不予支付 makes
it 0. 追回 and 抵扣 say how money paid too much comes back. All amounts in fen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from transforms import decisions as dec
from transforms.list_number import LIST_KIND
from transforms.spans import on_day

LINES = pl.Schema(
    {
        "benefit_id": pl.String, "rule_id": pl.String, "unit_id": pl.String, "household_id": pl.String,
        "settlement_id": pl.String,
    }
)  # fmt: skip
DECIDED = pl.Schema(
    {
        "benefit_id": pl.String, "decided": pl.Boolean, "confirmed": pl.Boolean, "fixed_fen": pl.Int64,
        "reading_key": pl.String, "reading": pl.String, "stale": pl.Boolean, "closed_fen": pl.Int64,
        "decision": pl.String,
    }
)  # fmt: skip
"""One row a benefit line on which a decision stands, or whose payment list is closed (closed_fen)."""
RULE_AND_OBJECT = r"^([A-Z]{1,2}-\d{2})[/|](.+?)(?:[/|](\d{4}))?$"
READING = r"^(A-[A-Z]\d{2})[=＝:：（(]([a-zA-Z])[)）]?$"
YUAN = r"^[¥￥]?(\d{1,3}(?:,\d{3})*|\d{1,13})(?:\.(\d{1,2}))?元?$"


class OnLines(NamedTuple):
    """matched: decision `no` and benefit_id of the decisions that stand on a line; rulings: DECIDED (nothing stale
    yet); asked: benefit_id, received_on: when each deciding row came; told: TOLD.
    """

    matched: pl.DataFrame
    rulings: pl.DataFrame
    asked: pl.DataFrame
    told: pl.DataFrame


def on_lines(
    decisions: pl.DataFrame,
    lines: pl.DataFrame,
    people: pl.DataFrame,
    aliases: pl.DataFrame,
    readings: pl.DataFrame,
    cost_year: int,
) -> OnLines:
    """What the decisions say of the lines of a cost year.

    `lines`: LINES; `people`: person_key, benefit_id: the lines that a person's number stands for; `aliases`:
    household_id, year_household_id; `readings`: rule_id, reading_key, reading: those that can be computed.
    """
    asked = pl.concat([dec.standing(decisions, "amount"), dec.standing(decisions, "settle")]).sort("no")
    found = means(asked, lines, people, aliases, cost_year)
    whole = pl.col("verdict").is_in([dec.CONFIRM, dec.REFUSE, dec.RECOVER, dec.OFFSET])
    counted = found.with_columns(n=pl.len().over("no"))
    several = counted.filter((pl.col("n") > 1) & ~whole)
    usable = counted.filter((pl.col("n") == 1) | whole).drop("n")
    read, unread = with_values(usable, readings)
    last, replaced = _latest_of_line(read)
    lost = asked.join(found, on="no", how="anti")
    yearless = lost.filter(pl.col("object_kind").is_in(["家庭", "人员"]) & pl.col("cost_year").is_null())
    told = [
        unread,
        dec.told(several.unique("no", maintain_order=True), "unreadable", "several_lines"),
        dec.told(yearless, "unreadable", "no_year"),
        dec.told(lost.join(yearless, on="no", how="anti"), "unknown_object", "no_line"),
        replaced,
        _dropped_readings(read, last),
    ]
    matched = [last.select("no", "benefit_id"), on_settlements(decisions, lines)]
    return OnLines(
        pl.concat(matched),
        _rulings(last),
        last.select("benefit_id", "received_on"),
        pl.concat(told),
    )


def visit_lines(drafts: pl.DataFrame, settlements: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """LINES of single visits: one row a line and settlement of its visit, in the person's household of the day.

    drafts: benefit_id, rule_id, unit_id, person_key, visit_id; settlements: setl_id, visit_id, setl_time.
    """
    rows = drafts.select("benefit_id", "rule_id", "unit_id", "person_key", "visit_id").join(
        settlements.select("visit_id", settlement_id="setl_id", day=pl.col("setl_time").dt.date()),
        on="visit_id",
        maintain_order="left",
    )
    homes = members.select("person_key", "valid_from", "valid_to", "household_id")
    return on_day(rows, homes, "day", ["household_id"]).select(LINES.names()).cast(LINES)


def person_lines(drafts: pl.DataFrame) -> pl.DataFrame:
    """LINES of a person and year, without household or settlement. drafts: benefit_id, rule_id, unit_id."""
    empty = {name: pl.lit(None, pl.String) for name in ("household_id", "settlement_id")}
    return drafts.select("benefit_id", "rule_id", "unit_id", **empty).select(LINES.names()).cast(LINES)


def on_settlements(decisions: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """no, benefit_id: the lines of the visit that a decision on a settlement (认定转诊, 认定定点) is about."""
    asked = pl.concat([dec.standing(decisions, aspect) for aspect in ("referral", "designation")])
    named = asked.filter(pl.col("object_kind") == "结算").select("no", settlement_id="object_id")
    return (
        named.join(lines.select("settlement_id", "benefit_id"), on="settlement_id")
        .select("no", "benefit_id")
        .unique()
        .sort("no", "benefit_id")
    )


def means(
    asked: pl.DataFrame, lines: pl.DataFrame, people: pl.DataFrame, aliases: pl.DataFrame, cost_year: int
) -> pl.DataFrame:
    """Each decision with every line that its object stands for: the columns of `asked`, benefit_id and rule_id.

    待遇: a 待遇编号, or rule/object with the year beside it or behind it (`L-04/H001/2023`). 家庭 and 人员: their lines
    of the 费用年度; `家庭编号/类别` is one unit of a split household. 结算: the lines of that visit.
    """
    parts = pl.col("object_id").str.extract_groups(RULE_AND_OBJECT).struct
    is_line = pl.col("object_kind") == "待遇"
    named = asked.with_columns(
        rule=pl.when(is_line).then(parts.field("1")),
        object=pl.when(is_line).then(pl.coalesce(parts.field("2"), "object_id")).otherwise("object_id"),
        year=pl.when(is_line)
        .then(pl.coalesce(parts.field("3").cast(pl.Int32, strict=False), "cost_year"))
        .otherwise("cost_year"),
    )
    names = aliases.select(number="household_id", now="year_household_id").unique("number")
    split_at = pl.col("object").str.splitn("/", 2).struct
    named = (
        named.with_columns(number=split_at.field("field_0"), part=split_at.field("field_1"))
        .join(names, on="number", how="left", maintain_order="left")
        .with_columns(number=pl.coalesce("now", "number"))
        .with_columns(
            unit=pl.when(pl.col("part").is_null())
            .then("number")
            .otherwise(pl.format("{}/{}", "number", "part"))
        )
    )
    of_year = named.filter(pl.col("year") == cost_year)
    is_home = pl.col("object_kind").is_in(["家庭", "待遇"])
    is_person = (pl.col("object_kind") == "人员") | (is_line & pl.col("object_key").is_not_null())
    hits = [
        named.filter(is_line).join(
            lines, left_on="object_id", right_on="benefit_id", how="inner", coalesce=False
        ),
        of_year.filter(is_home).join(lines, left_on="unit", right_on="unit_id", how="inner", coalesce=False),
        of_year.filter(is_home & pl.col("part").is_null()).join(
            lines, left_on="number", right_on="household_id", how="inner", coalesce=False
        ),
        of_year.filter(is_person)
        .with_columns(person_key=pl.coalesce("person_key", "object_key"))
        .join(people, on="person_key")
        .join(lines, on="benefit_id"),
        named.filter(pl.col("object_kind") == "结算").join(
            lines, left_on="object_id", right_on="settlement_id", how="inner", coalesce=False
        ),
    ]
    columns = [*asked.columns, "rule", "benefit_id", "rule_id", "household_id"]
    found = pl.concat([hit.select(columns) for hit in hits])
    own_rule = pl.col("rule").is_null() | (pl.col("rule") == pl.col("rule_id"))
    return (
        found.filter(own_rule)
        .unique(["no", "benefit_id"], maintain_order=True)
        .sort("no", "benefit_id")
        .drop("rule")
    )


def with_values(found: pl.DataFrame, readings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(decisions with fixed_fen, reading_key, reading; told: those whose 取值 cannot be read)."""
    value = pl.col("value").fill_null("").str.replace_all(r"\s+", "")
    whole, parts = value.str.extract(YUAN, 1).str.replace_all(",", ""), value.str.extract(YUAN, 2)
    fen = whole.cast(pl.Int64, strict=False) * 100 + parts.fill_null("").str.pad_end(2, "0").cast(
        pl.Int64, strict=False
    )
    by_reading, fixed = pl.col("verdict") == dec.BY_READING, pl.col("verdict") == dec.FIX
    read = found.with_columns(
        fixed_fen=pl.when(fixed).then(fen).when(pl.col("verdict") == dec.REFUSE).then(pl.lit(0, pl.Int64)),
        reading_key=pl.when(by_reading).then(value.str.extract(READING, 1)),
        reading=pl.when(by_reading).then(value.str.extract(READING, 2).str.to_lowercase()),
    ).join(
        readings.with_columns(computable=pl.lit(True)), on=["rule_id", "reading_key", "reading"], how="left",
        maintain_order="left",
    )  # fmt: skip
    no_reading = by_reading & pl.col("computable").is_null()
    no_amount = fixed & pl.col("fixed_fen").is_null()
    told = [
        dec.told(read.filter(no_reading).unique("no", maintain_order=True), "unreadable", "reading"),
        dec.told(read.filter(no_amount).unique("no", maintain_order=True), "unreadable", "amount"),
    ]
    return read.filter(~no_reading & ~no_amount).drop("computable"), pl.concat(told)


def _latest_of_line(read: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the last decision on each line and aspect, told: decisions that no line is left to)."""
    last = read.sort("no").unique(["aspect", "benefit_id"], keep="last", maintain_order=True)
    gone = read.join(last, on="no", how="anti").unique("no", maintain_order=True)
    return last, dec.told(gone, "replaced", "replaced")


def _dropped_readings(read: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """Told: a 确认 that took the place of an earlier 按读法 or 核定金额, and so of its amount."""
    set_before = read.filter(pl.col("verdict").is_in([dec.BY_READING, dec.FIX])).select(
        "benefit_id", before="no"
    )
    confirms = last.filter(pl.col("verdict") == dec.CONFIRM).join(set_before, on="benefit_id")
    earlier = confirms.filter(pl.col("before") < pl.col("no")).unique("no", maintain_order=True)
    return dec.told(earlier, "standing", "reading_dropped")


def _rulings(last: pl.DataFrame) -> pl.DataFrame:
    """DECIDED: the word on the amount of each line, and the way of settlement beside it."""
    amounts = last.filter(pl.col("aspect") == "amount")
    ways = last.filter(pl.col("aspect") == "settle").select("benefit_id", way="verdict")
    confirming = pl.col("verdict").is_in([dec.CONFIRM, dec.BY_READING, dec.FIX])
    return (
        amounts.select("benefit_id", "verdict", "fixed_fen", "reading_key", "reading")
        .join(ways, on="benefit_id", how="full", coalesce=True)
        .select(
            "benefit_id",
            decided=pl.lit(True),
            confirmed=confirming.fill_null(False),
            fixed_fen="fixed_fen",
            reading_key="reading_key",
            reading="reading",
            stale=pl.lit(False),
            closed_fen=pl.lit(None, pl.Int64),
            decision=pl.concat_str(["verdict", "way"], separator="；", ignore_nulls=True),
        )
        .cast(DECIDED)
        .sort("benefit_id")
    )


def no_rulings() -> pl.DataFrame:
    """DECIDED where nothing is decided."""
    return DECIDED.to_frame()


def with_closed(rulings: pl.DataFrame, closed: pl.DataFrame) -> pl.DataFrame:
    """DECIDED with the amounts of closed payment lists (benefit_id, closed_fen); undecided lines come in undecided."""
    both = rulings.drop("closed_fen").join(closed, on="benefit_id", how="full", coalesce=True)
    flags = ("decided", "confirmed", "stale")
    return (
        both.with_columns(pl.col(flags).fill_null(False))
        .select(DECIDED.names())
        .cast(DECIDED)
        .sort("benefit_id")
    )


def with_stale(rulings: pl.DataFrame, stale: pl.Series) -> pl.DataFrame:
    """DECIDED where the decisions on these lines are stale: they confirm nothing any more."""
    old = pl.col("benefit_id").is_in(stale.implode())
    return rulings.with_columns(stale=old, confirmed=pl.col("confirmed") & ~old) if len(stale) else rulings


def fingerprints(lines: pl.DataFrame, items: pl.DataFrame, gaps: pl.DataFrame) -> pl.DataFrame:
    """benefit_id, facts: a hash of what each line is computed from, whatever was decided on it.

    Base, threshold, category, rate and limit of the line, whether it is incomplete, and its counted settlements with
    their share of the base. In: result frames benefit_line, benefit_item, cap_gap.
    """
    item = pl.format("{}:{}", "settlement_id", "base_fen")
    counted = (
        items.filter("counted").sort("benefit_id", "settlement_id").group_by("benefit_id", maintain_order=True)
        .agg(items=item.str.join(";"))
    )  # fmt: skip
    holes = gaps.select("benefit_id", hole=pl.col("incomplete_reason").is_not_null()).unique("benefit_id")
    values = ["base_fen", "threshold_fen", "category", "rate", "limit_before_fen", "hole", "items"]
    texts = (
        lines.join(counted, on="benefit_id", how="left", maintain_order="left")
        .join(holes, on="benefit_id", how="left", maintain_order="left")
        .select(
            "benefit_id", facts=pl.concat_str(pl.col(values).cast(pl.String).fill_null("?"), separator="|")
        )
    )
    return texts.with_columns(pl.col("facts").map_elements(_digest, return_dtype=pl.String)).sort(
        "benefit_id"
    )


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def stale_lines(asked: pl.DataFrame, now: pl.DataFrame, then: Mapping[object, pl.DataFrame]) -> pl.Series:
    """benefit_id of the lines whose facts are others than when the decision on them came.

    `asked`: benefit_id, received_on of the standing decisions; `now`: fingerprints; `then`: those of what had been
    received on each of these days. A line that was not there yet, or is there no more, has changed.
    """
    found = [pl.Series("benefit_id", [], dtype=pl.String)]
    for (day,), group in asked.group_by("received_on", maintain_order=True):
        both = (
            group.select("benefit_id").unique()
            .join(then[day].select("benefit_id", before="facts"), on="benefit_id", how="left")
            .join(now.select("benefit_id", after="facts"), on="benefit_id", how="left")
        )  # fmt: skip
        found.append(both.filter(pl.col("before").ne_missing(pl.col("after")))["benefit_id"])
    return pl.concat(found).unique().sort()


def mart_rows(
    decisions: pl.DataFrame,
    matched: pl.DataFrame,
    stale: pl.Series,
    gone: pl.Series,
    on_lists: pl.Series,
    cost_year: int,
) -> pl.DataFrame:
    """`mart.decision`: one row a decision as received (a household's decision: one a line), with what became of it.

    `matched`: no, benefit_id; `stale`: benefit lines with stale decisions; `gone`: `no` of decisions whose line
    existed when they came and does not any more, or whose list has changed; `on_lists`: `no` of the decisions on lists
    of this year.
    """
    rows = decisions.join(matched, on="no", how="left", maintain_order="left")
    old = pl.col("benefit_id").is_in(stale.implode()) if len(stale) else pl.lit(False)
    lost = pl.col("no").is_in(gone.implode()) if len(gone) else pl.lit(False)
    own = pl.col("benefit_id").is_not_null() | pl.col("no").is_in(on_lists.implode())
    written = pl.when(pl.col("object_kind") != LIST_KIND).then("cost_year")
    bears = pl.coalesce(written, pl.when(own).then(pl.lit(cost_year, pl.Int32)))
    return rows.select(
        benefit_id=pl.coalesce(
            "benefit_id", pl.when(pl.col("object_id").str.contains(r"^B[0-9A-Z]{13}$")).then("object_id")
        ),
        stale=(old | lost).fill_null(False),
        object_type="object_kind",
        object_id="object_id",
        owner_key="person_key",
        cost_year=bears,
        decision="verdict",
        decision_value="value",
        decided_on="decided_on",
        revoked_on="revoked_on",
        status="state",
        message_zh="message_zh",
        file_id="file_id",
        sheet="sheet",
        source_row="source_row",
    ).sort("decided_on", "file_id", "source_row", "benefit_id", nulls_last=False)
