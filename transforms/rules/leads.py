"""Leads (线索) for the inspection of funds, 彭水府办发〔2023〕52号 二(六) “常态化保持打击欺诈骗保高压态势”.

Stays that overlap, treatment that began after death, settlements entered twice, relief paid to somebody in no category.
A lead is where to look, never a fault proven, and nothing that is paid depends on one. Each search is a lazy frame
over the counted settlements, so that all of them share one pass. All amounts in fen.
"""

from __future__ import annotations

import polars as pl

from transforms.versions import repeated

LEAD = pl.Schema(
    {
        "kind": pl.String,
        "region_code": pl.String,
        "date": pl.Date,
        "person_key": pl.Int64,
        "settlement_id": pl.String,
        "other_settlement_id": pl.String,
        "institution_code": pl.String,
        "amount_fen": pl.Int64,
    }
)
"""A row a lead; other_settlement_id: the settlement that it clashes with."""
NEEDED = (
    "id_key", "person_key", "institution_code", "setl_id", "setl_time", "mdtrt_id", "begndate", "enddate", "med_type",
    "county_code", "tot_fen", "psn_fen", "maf_fen", "tilt_fen",
)  # fmt: skip
"""Columns of a settlement that the searches look at."""
OVERLAP, AFTER_DEATH, TWICE, NO_CATEGORY = "overlap", "after_death", "twice", "no_category"
TEXTS = {
    OVERLAP: "同一人住院时间重叠",
    AFTER_DEATH: "就医开始于死亡日期之后",
    TWICE: "同一人在同一机构同一时间有两笔类别和金额都相同的结算",
    NO_CATEGORY: "有医疗救助或倾斜救助支付，而结算日和入院日都不在任何救助类别",
}
"""What a lead of each kind says."""


def looked_at(
    counted: pl.LazyFrame, inpatient_codes: list[str], people: pl.Series, twins: pl.Series
) -> pl.LazyFrame:
    """The settlements that can be a lead: what may be a stay, with relief paid, or may stand there twice; and all of some
    people.

    inpatient_codes: medical types that are a stay somewhere; people: id_key of those who have died or go by several
    keys; twins: `mark`s that occur more than once. Tests of delivered columns only, so that the millions of others are
    left out where they are read.
    """
    stay = pl.col("med_type").is_in(inpatient_codes) | pl.col("med_type").str.starts_with("21")
    mine = pl.col("id_key").is_in(people.implode()) | mark().is_in(twins.implode())
    return counted.filter((stay | (relief_paid() > 0) | mine).fill_null(False) & (pl.col("tot_fen") > 0))


def relief_paid() -> pl.Expr:
    """Assistance and tilt relief that the settlement shows as paid; unknown: nothing to look at."""
    return pl.col("maf_fen").fill_null(0) + pl.col("tilt_fen").fill_null(0)


def stays(counted: pl.LazyFrame, inpatient: pl.Expr) -> pl.LazyFrame:
    """One row a stay: person_key, institution_code, setl_id (the last), region_code, begun, ended, amount_fen.

    counted: Resolved.plain. A stay is what one person settled at one institution under one 就诊ID, without it what
    began on one day; it ends on the last day that any of its settlements shows. One without a first day is left out:
    nobody can say whether it overlaps.
    """
    by = pl.coalesce(pl.lit("m") + pl.col("mdtrt_id"), pl.lit("b") + pl.col("begndate").cast(pl.String))
    return (
        _stayed(counted, inpatient)
        .select(
            "person_key",
            "institution_code",
            "setl_id",
            "setl_time",
            "county_code",
            "begndate",
            "tot_fen",
            _by=by,
            _end=_LAST_DAY,
        )
        .group_by("person_key", "institution_code", "_by")
        .agg(
            pl.col("setl_id").sort_by("setl_time", "setl_id").last(),
            region_code=pl.col("county_code").sort_by("setl_time", "setl_id").last(),
            begun=pl.col("begndate").min(),
            ended=pl.col("_end").max(),
            amount_fen=pl.col("tot_fen").sum(),
        )
        .select("person_key", "institution_code", "setl_id", "region_code", "begun", "ended", "amount_fen")
    )


LIFETIME = 10_000_000
"""More days than lie between any two dates."""
_LAST_DAY = pl.coalesce("enddate", pl.col("setl_time").dt.date())


def _stayed(counted: pl.LazyFrame, inpatient: pl.Expr) -> pl.LazyFrame:
    """The settlements that belong to stays."""
    return counted.filter(inpatient & pl.col("begndate").is_not_null() & (pl.col("tot_fen") > 0))


def may_overlap(counted: pl.LazyFrame, inpatient: pl.Expr) -> pl.DataFrame:
    """The settlements of `stays` that may overlap, few of all, told by whole numbers.

    Left out is who overlaps nobody: what begins after all earlier of the person have ended and ends before all later
    begin. All are kept of people with a stay that is settled several times, since it reaches over the days between.
    """
    rows = _stayed(counted, inpatient).collect()
    by = (
        "person_key",
        "institution_code",
        "mdtrt_id",
        pl.when(pl.col("mdtrt_id").is_null()).then("begndate"),
    )
    # a place of its own on one line for the days of each person, so that one running maximum serves all
    line = pl.col("begun", "ended").cast(pl.Int64) + pl.col("person_key").rle_id().cast(pl.Int64) * LIFETIME
    begun, ended = pl.col("begun"), pl.col("ended")
    days = (
        rows.select(
            "person_key",
            begun="begndate",
            ended=_LAST_DAY,
            stay=pl.struct(by).hash().reinterpret(signed=True),
        )
        .with_row_index("row")
        .sort("person_key", begun.cast(pl.Int64) * LIFETIME - ended.cast(pl.Int64))
        .with_columns(line)
    )
    meets = (ended.cum_max().shift(1) > begun) | (ended > begun.shift(-1))
    several = pl.col("stay").is_in(repeated(days["stay"]).implode())
    again = days.filter(several)["person_key"].unique()
    return rows[days.filter(meets | pl.col("person_key").is_in(again.implode()))["row"].sort()]


def overlapping_stays(found: pl.DataFrame) -> pl.DataFrame:
    """LEAD of stays that began before an earlier one of the same person had ended.

    A stay that begins on the day on which the other ends is a transfer. The lead stands on the later stay and names
    the one that reaches furthest into it.
    """
    ordered = found.filter(pl.len().over("person_key") > 1).sort("person_key", "begun", "setl_id")
    before = ordered.with_columns(
        reached=pl.col("ended").cum_max().shift(1).over("person_key", order_by=["begun", "setl_id"])
    )
    later = before.filter((pl.col("reached") > pl.col("begun")) & (pl.col("ended") > pl.col("begun")))
    other = ordered.select(
        "person_key", other_settlement_id="setl_id", other_begun="begun", other_ended="ended"
    )
    pairs = later.join(other, on="person_key").filter(
        (pl.col("other_settlement_id") != pl.col("setl_id"))
        & (
            (pl.col("other_begun") < pl.col("begun"))
            | (
                (pl.col("other_begun") == pl.col("begun"))
                & (pl.col("other_settlement_id") < pl.col("setl_id"))
            )
        )
        & (pl.col("other_ended") > pl.col("begun"))
    )
    furthest = pairs.sort(
        "setl_id", "person_key", "other_ended", "other_settlement_id", descending=[False, False, True, False]
    ).unique(["setl_id", "person_key"], keep="first", maintain_order=True)
    return _leads(furthest, OVERLAP, pl.col("begun"), "other_settlement_id")


def after_death(counted: pl.LazyFrame, deaths: pl.DataFrame, inpatient: pl.Expr) -> pl.LazyFrame:
    """Counted settlements whose treatment began after the person's death, with `begun`.

    deaths: person_key, died_on. A stay that ended with the death is settled after it; so what counts is its first
    day, and of a stay that shows none its last.
    """
    settled_on = pl.col("setl_time").dt.date()
    begun = pl.coalesce("begndate", pl.when(inpatient).then("enddate"), settled_on)
    return (
        counted.join(deaths.lazy(), on="person_key")
        .filter((begun > pl.col("died_on")) & (pl.col("tot_fen") > 0))
        .select(
            "person_key", "institution_code", "setl_id", "tot_fen", region_code="county_code", begun=begun
        )
    )


SAME = ["person_key", "institution_code", "setl_time", "med_type", "tot_fen", "psn_fen"]


def mark(who: str = "id_key") -> pl.Expr:
    """A number for what two entries of one settlement have in common."""
    return pl.col(who) ^ (pl.col("setl_time").cast(pl.Int64) + pl.col("tot_fen") * 7919)


def entered_twice(looked: pl.DataFrame) -> pl.DataFrame:
    """The settlements whose mark occurs more than once, few of them by chance: SAME, setl_id, region_code."""
    again = repeated(looked.select(mark("person_key")).to_series())
    few = looked.filter(mark("person_key").is_in(again.implode()))
    return few.select(*SAME, "setl_id", region_code="county_code")


def twice_leads(found: pl.DataFrame) -> pl.DataFrame:
    """LEAD on every settlement but the first of those of one person at one institution that agree in time, kind,
    total and personal payment.
    """
    as_above = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in SAME)
    ordered = found.sort(*SAME, "setl_id").with_columns(again=as_above)
    first = pl.when(~pl.col("again")).then("setl_id").forward_fill()
    others = ordered.with_columns(other_settlement_id=first).filter("again")
    return _leads(
        others.with_columns(amount_fen="tot_fen"), TWICE, pl.col("setl_time").dt.date(), "other_settlement_id"
    )


def relieved(counted: pl.LazyFrame) -> pl.LazyFrame:
    """Settlements with assistance or tilt relief paid: person_key, institution_code, setl_id, region_code, dates."""
    return counted.filter(relief_paid() > 0).select(
        "person_key",
        "institution_code",
        "setl_id",
        region_code="county_code",
        settled_on=pl.col("setl_time").dt.date(),
        admitted_on=pl.coalesce("begndate", pl.col("setl_time").dt.date()),
        amount_fen=relief_paid(),
    )


def without_category(paid: pl.DataFrame, certificates: pl.DataFrame) -> pl.DataFrame:
    """LEAD of relief to people who hold no category on the settlement date nor on the admission date.

    certificates: person_key, county_code, valid_from, valid_to, of all rosters. A region whose rosters were never
    delivered for the day says nothing about anybody: no lead.
    """
    known = certificates.group_by(region_code="county_code").agg(since=pl.col("valid_from").min())
    asked = paid.join(known, on="region_code").filter(pl.col("settled_on") >= pl.col("since"))
    held = certificates.select("person_key", "valid_from", "valid_to")
    listed = (
        asked.join(held, on="person_key")
        .filter(
            (pl.col("valid_from") <= pl.col("settled_on"))
            & (pl.col("valid_to") >= pl.col("admitted_on")).fill_null(True)
        )
        .select("setl_id", "person_key")
        .unique()
    )
    left = asked.join(listed, on=["setl_id", "person_key"], how="anti", maintain_order="left")
    return _leads(left, NO_CATEGORY, pl.col("settled_on"), None)


def death_leads(found: pl.DataFrame) -> pl.DataFrame:
    """LEAD of `after_death`."""
    return _leads(found.with_columns(amount_fen="tot_fen"), AFTER_DEATH, pl.col("begun"), None)


def _leads(rows: pl.DataFrame, kind: str, day: pl.Expr, other: str | None) -> pl.DataFrame:
    return (
        rows.select(
            "region_code",
            "person_key",
            "institution_code",
            "amount_fen",
            kind=pl.lit(kind),
            date=day,
            settlement_id="setl_id",
            other_settlement_id=pl.col(other) if other else pl.lit(None, pl.String),
        )
        .select(LEAD.names())
        .cast(LEAD)
        .sort("region_code", "date", "settlement_id", "person_key")
    )
