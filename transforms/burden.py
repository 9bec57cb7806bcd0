"""Personal burden of each settlement: B = PSN − COM − SUB − NEG (临政办〔2024〕1号 二(二)).

Most people have neither a payment nor an item on the negative list: for them B = PSN, and nothing is
collected a settlement. Everybody else, and everybody on a roster (`detail people`), is worked out settlement
by settlement: the negative list first, then payments that name the settlement, then lumps; supplementary
insurance (COM) before subsidies (SUB). All amounts in fen.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from transforms import payments as pay
from transforms.identity import keys_of

DETAIL = [
    "setl_id",
    "person_key",
    "county_code",
    "designated",
    "cost_year",
    "setl_time",
    "mdtrt_id",
    "insutype",
    "insu_admdvs",
    "institution_code",
    "institution_region",
    "hosp_lv",
    "begndate",
    "enddate",
    "med_type",
    "setl_type",
    "dise_no",
    "refl_stas",
    "tot_fen",
    "ooc_fen",
    "ovl_fen",
    "pre_fen",
    "pol_fen",
    "ded_fen",
    "bas_fen",
    "civ_fen",
    "ent_fen",
    "cii_fen",
    "lrg_fen",
    "dis_fen",
    "maf_fen",
    "oth_fen",
    "fund_fen",
    "psn_fen",
    "acct_fen",
    "cash_fen",
    "mul_fen",
    "hosp_fen",
    "tilt_fen",
    "com_fen",
    "aid_fen",
    "file_id",
    "sheet",
    "source_row",
]
"""What is kept of a settlement of the detail people; a column that a frame lacks is left out."""

PEOPLE = pl.Schema(
    {
        "person_key": pl.Int64,
        "com_used_fen": pl.Int64,
        "sub_used_fen": pl.Int64,
        "com_unused_fen": pl.Int64,
        "sub_unused_fen": pl.Int64,
        "neg_fen": pl.Int64,
        "private_fen": pl.Int64,
    }
)


@dataclass(frozen=True)
class Burdens:
    """Burden of one cost year.

    settlements: counted settlements of the detail people: the columns of DETAIL and com_used_fen,
        sub_used_fen, neg_fen, burden_fen (negative only for a correction or a returned payment).
    people: a row a person who has any of it: PEOPLE. com + sub in all = used + unused.
    payments: every payment that bears on the cost year with class, state, settlement_id, year, used_fen,
        unused_fen, finding (key) and finding_zh.
    """

    settlements: pl.DataFrame
    people: pl.DataFrame
    payments: pl.DataFrame


def settlement_burdens(
    counted: pl.LazyFrame,
    payments: pl.DataFrame,
    named: pl.DataFrame,
    negative: pl.DataFrame,
    detail_people: pl.DataFrame,
    paid_people: pl.DataFrame,
    cost_year: int,
    links: pl.DataFrame | None = None,
) -> Burdens:
    """Burdens of a cost year.

    `counted`: its counted settlements. `payments`: those of all years (core Payment + person_key), since one
    of another 费用年度 may name a settlement of this one. `named`: `payments.named_settlements`. `negative`:
    `negative_amounts`. `detail_people`: person_key of everybody on a roster.
    `paid_people`: see `payments.matched`. `links` (id_key, person_key) lets the scan of `counted` skip other people.
    """
    bearing = pay.matched(payments, named, paid_people).filter(pl.col("year") == cost_year)
    settled = _detail_settlements(counted, bearing, negative, detail_people, links)
    with_named = after_named(settled, bearing, negative)
    lumps = lump_totals(with_named, bearing)
    done = after_lumps(with_named, lumps)
    matched = _used_by_payment(bearing, done, lumps)
    hidden = [
        "com_column_fen",
        "com_named_fen",
        "com_excess_fen",
        "sub_excess_fen",
        "com_lump_fen",
        "sub_lump_fen",
    ]
    return Burdens(
        done.drop(*hidden, "sub_column_fen", "sub_named_fen", "room_fen"),
        _people(done, lumps, bearing),
        matched,
    )


def negative_amounts(
    counted: pl.LazyFrame, items: pl.LazyFrame | None, negative_list: pl.DataFrame
) -> pl.DataFrame:
    """setl_id, person_key, neg_fen: OOC + OVL + PRE of its items on the negative list (L-13).

    An item is on the list where its code, or the kind of charge (收费项目类别) for a `category` entry, is
    valid on the day it was given, else on the settlement date, for the settlement's insured region. Where one
    of the three parts is unknown, TOT − POL stands for their sum. A missing list or no fee lines: nothing.
    """
    empty = pl.DataFrame(schema={"setl_id": pl.String, "person_key": pl.Int64, "neg_fen": pl.Int64})
    if items is None or negative_list.is_empty():
        return empty
    entries = negative_list.select(
        "item_kind",
        "item_code",
        "valid_from",
        "valid_to",
        territory=pl.col("region_code").str.replace(r"^(\d{2,}?)(00)+$", "$1"),
    )
    by_code, by_kind = (entries.filter(pl.col("item_kind") == kind) for kind in ("item", "category"))
    lines = items.filter(
        pl.col("item_code").is_in(by_code["item_code"].unique().to_list())
        | pl.col("item_kind").is_in(by_kind["item_code"].unique().to_list())
    )
    settled = counted.select("setl_id", "person_key", "setl_time", "county_code")
    known = lines.join(settled, on="setl_id").collect(engine="streaming").with_row_index("line")
    parts = pl.col("ooc_fen") + pl.col("ovl_fen") + pl.col("pre_fen")
    day = pl.coalesce("ocur_date", pl.col("setl_time").dt.date())
    on_list = pl.col("county_code").str.starts_with(pl.col("territory")) & day.is_between(
        "valid_from", pl.col("valid_to").fill_null(pl.date(9999, 12, 31))
    )
    hits = pl.concat(
        [
            known.join(listed.drop("item_kind"), left_on=column, right_on="item_code")
            .filter(on_list)
            .select("line")
            for column, listed in (("item_code", by_code), ("item_kind", by_kind))
        ]
    ).unique()
    return (
        known.join(hits, on="line", how="semi")
        .group_by("setl_id", "person_key")
        .agg(neg_fen=pl.coalesce(parts, pl.col("tot_fen") - pl.col("pol_fen")).sum())
        .filter(pl.col("neg_fen") > 0)
    )


def _detail_settlements(
    counted: pl.LazyFrame,
    bearing: pl.DataFrame,
    negative: pl.DataFrame,
    roster: pl.DataFrame,
    links: pl.DataFrame | None,
) -> pl.DataFrame:
    """Counted settlements of everybody who needs them one by one, in the order in which lumps are used up."""
    columns = counted.collect_schema().names()
    shown = counted.filter(paid_on_the_spot()).select("person_key").collect(engine="streaming")
    bearers = [roster, bearing, negative, shown]
    people = pl.concat([frame.select("person_key") for frame in bearers])["person_key"].unique()
    # a filter on delivered keys is pushed into the scan, so that the other columns are read for these people only;
    # a join is not, nor is a filter on published keys, which are themselves joined to the rows
    near = (
        counted if links is None else counted.filter(pl.col("id_key").is_in(keys_of(people, links).implode()))
    )
    return (
        near.filter(pl.col("person_key").is_in(people.implode()))
        .select(c for c in DETAIL if c in columns)
        .collect(engine="streaming")
        .sort("person_key", "setl_time", "setl_id")
    )


def paid_on_the_spot() -> pl.Expr:
    """The settlement itself shows a payment of 补充保险 (com_pay) or 扶贫济困 (aid_pay)."""
    return pl.any_horizontal(pl.col(c).fill_null(0) != 0 for c in ("com_fen", "aid_fen"))


def _net(bearing: pl.DataFrame, states: list[str], by: str) -> pl.DataFrame:
    """Payments of a class by settlement or person, never below 0: `by`, com_fen, sub_fen."""
    mine = bearing.filter(pl.col("state").is_in(states))
    sums = [
        pl.col("amount_fen").filter(pl.col("class") == c).sum().clip(lower_bound=0).alias(f"{c}_fen")
        for c in ("com", "sub")
    ]
    return mine.group_by(by).agg(sums)


def after_named(settled: pl.DataFrame, bearing: pl.DataFrame, negative: pl.DataFrame) -> pl.DataFrame:
    """Settlements after the negative list and the payments that name them.

    Adds neg_fen, com_used_fen, sub_used_fen, burden_fen (so far), com_excess_fen, sub_excess_fen (lumps of
    the person) and the parts that the settlement itself shows (*_column_fen, from com_pay 补充保险 and
    aid_pay 扶贫济困). Neither takes a settlement below 0; a negative com_pay or aid_pay is a payment taken
    back and raises the burden.
    """
    on_settlement = _net(bearing, ["named", "followed"], "settlement_id").rename(
        {"settlement_id": "setl_id", "com_fen": "com_named_fen", "sub_fen": "sub_named_fen"}
    )
    psn, neg = pl.col("psn_fen"), pl.col("neg_fen")
    com = pl.col("com_column_fen") + pl.col("com_named_fen")
    sub = pl.col("sub_column_fen") + pl.col("sub_named_fen")
    return (
        settled.join(negative.select("setl_id", "neg_fen"), on="setl_id", how="left", maintain_order="left")
        .join(on_settlement, on="setl_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("com_named_fen", "sub_named_fen").fill_null(0),
            pl.col("com_fen").fill_null(0).alias("com_column_fen"),
            pl.col("aid_fen").fill_null(0).alias("sub_column_fen"),
            pl.min_horizontal(neg.fill_null(0), psn.clip(lower_bound=0)).alias("neg_fen"),
        )
        .with_columns(com_used_fen=pl.min_horizontal(com, (psn - neg).clip(lower_bound=0)))
        .with_columns(
            sub_used_fen=pl.min_horizontal(sub, (psn - neg - pl.col("com_used_fen")).clip(lower_bound=0))
        )
        .with_columns(
            com_excess_fen=com - pl.col("com_used_fen"),
            sub_excess_fen=sub - pl.col("sub_used_fen"),
            burden_fen=psn - neg - pl.col("com_used_fen") - pl.col("sub_used_fen"),
        )
    )


def lump_totals(with_named: pl.DataFrame, bearing: pl.DataFrame) -> pl.DataFrame:
    """person_key, com_fen, sub_fen: lumps of the cost year, excess of named payments included."""
    excess = with_named.group_by("person_key").agg(
        com_fen=pl.col("com_excess_fen").sum(), sub_fen=pl.col("sub_excess_fen").sum()
    )
    return (
        pl.concat([excess, _net(bearing, ["lump"], "person_key")])
        .group_by("person_key")
        .agg(pl.col("com_fen", "sub_fen").sum())
        .filter((pl.col("com_fen") > 0) | (pl.col("sub_fen") > 0))
    )


def after_lumps(with_named: pl.DataFrame, lumps: pl.DataFrame) -> pl.DataFrame:
    """Lumps used up over the person's settlements with positive burden in the order (setl_time, setl_id).

    Running sums: a settlement takes min(cum, L) − min(cum before, L); COM lumps are the first part of L.
    Adds com_lump_fen, sub_lump_fen; com_used_fen, sub_used_fen and burden_fen are final.
    """
    room, cum = pl.col("room_fen"), pl.col("room_fen").cum_sum().over("person_key")
    com, both = pl.col("lump_com_fen"), pl.col("lump_com_fen") + pl.col("lump_sub_fen")

    def taken(limit: pl.Expr) -> pl.Expr:
        return pl.min_horizontal(cum, limit) - pl.min_horizontal(cum - room, limit)

    return (
        with_named.with_columns(room_fen=pl.col("burden_fen").clip(lower_bound=0))
        .join(
            lumps.rename({"com_fen": "lump_com_fen", "sub_fen": "lump_sub_fen"}),
            on="person_key",
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col("lump_com_fen", "lump_sub_fen").fill_null(0))
        .with_columns(com_lump_fen=taken(com), sub_lump_fen=taken(both) - taken(com))
        .with_columns(
            pl.col("com_used_fen") + pl.col("com_lump_fen"),
            pl.col("sub_used_fen") + pl.col("sub_lump_fen"),
            pl.col("burden_fen") - pl.col("com_lump_fen") - pl.col("sub_lump_fen"),
        )
        .drop("lump_com_fen", "lump_sub_fen")
    )


def _people(done: pl.DataFrame, lumps: pl.DataFrame, bearing: pl.DataFrame) -> pl.DataFrame:
    """One row a person with any payment or negative amount in the year: PEOPLE."""
    used = done.group_by("person_key").agg(
        pl.col("com_used_fen", "sub_used_fen", "neg_fen", "com_lump_fen", "sub_lump_fen").sum()
    )
    private = (
        bearing.filter(pl.col("state") == "private")
        .group_by("person_key")
        .agg(private_fen=pl.col("amount_fen").sum())
    )
    keys = pl.concat([f.select("person_key") for f in (used, lumps, private)]).unique()
    amounts = keys
    for frame in (used, lumps, private):
        amounts = amounts.join(frame, on="person_key", how="left")
    return (
        amounts.with_columns(pl.all().exclude("person_key").fill_null(0))
        .with_columns(
            com_unused_fen=pl.col("com_fen") - pl.col("com_lump_fen"),
            sub_unused_fen=pl.col("sub_fen") - pl.col("sub_lump_fen"),
        )
        .filter(pl.any_horizontal(pl.col(c) != 0 for c in PEOPLE if c != "person_key"))
        .select(list(PEOPLE))
        .sort("person_key")
    )


def _used_by_payment(bearing: pl.DataFrame, done: pl.DataFrame, lumps: pl.DataFrame) -> pl.DataFrame:
    """Payments with used_fen and unused_fen: what the running sums of settlements and lumps took of each.

    Within a settlement and within the lumps of a person the amounts shown on settlements go first, then
    payments in the order (paid_on, amount, serial, file, row).
    """
    numbered = bearing.sort(
        "paid_on", "amount_fen", "serial", "file_id", "source_row", nulls_last=True
    ).with_row_index("payment_no")
    reducing = numbered.filter(pl.col("state").is_in(["named", "followed", "lump"])).select(
        "payment_no", "person_key", "settlement_id", "class", "amount_fen"
    )
    on_settlement = _taken_on_settlements(reducing.filter(pl.col("settlement_id").is_not_null()), done)
    rest = reducing.join(on_settlement, on="payment_no", how="left").with_columns(
        pl.col("named_used_fen").fill_null(0)
    )
    in_lumps = _taken_of_lumps(rest, done, lumps)
    used = pl.col("named_used_fen").fill_null(0) + pl.col("lump_used_fen").fill_null(0)
    reduces = pl.col("state").is_in(["named", "followed", "lump"])
    target = ("person_key", "class", pl.col("settlement_id").fill_null(""))
    negative = reduces & (pl.when(reduces).then("amount_fen").otherwise(0).sum().over(*target) < 0)
    finding = pl.when(negative).then(pl.lit("negative_sum")).otherwise("finding")
    return (
        numbered.join(on_settlement, on="payment_no", how="left")
        .join(in_lumps, on="payment_no", how="left")
        .with_columns(
            pl.when(reduces).then(used).otherwise(0).alias("used_fen"),
            pl.when(reduces).then(pl.col("amount_fen") - used).otherwise(0).alias("unused_fen"),
            finding.alias("finding"),
        )
        .with_columns(
            pl.when(negative).then(pl.lit("held")).otherwise("state").alias("state"),
            pl.when(negative).then(0).otherwise("used_fen").alias("used_fen"),
            pl.when(negative).then(0).otherwise("unused_fen").alias("unused_fen"),
            pl.col("finding")
            .replace_strict(pay.FINDINGS, default=None, return_dtype=pl.String)
            .alias("finding_zh"),
        )
        .drop("payment_no", "named_used_fen", "lump_used_fen")
    )


def _taken_on_settlements(named: pl.DataFrame, done: pl.DataFrame) -> pl.DataFrame:
    """payment_no, named_used_fen: what the settlement took of a payment that names it (before lumps)."""
    taken = done.select(
        settlement_id="setl_id",
        com_used="com_used_fen",
        com_lump="com_lump_fen",
        com_column="com_column_fen",
        sub_used="sub_used_fen",
        sub_lump="sub_lump_fen",
        sub_column="sub_column_fen",
    )
    com = pl.col("class") == "com"
    limit = (
        pl.when(com)
        .then(pl.col("com_used") - pl.col("com_lump"))
        .otherwise(pl.col("sub_used") - pl.col("sub_lump"))
    )
    column = pl.when(com).then("com_column").otherwise("sub_column")
    cum = column + pl.col("amount_fen").cum_sum().over("settlement_id", "class")
    return (
        named.join(taken, on="settlement_id")
        .sort("payment_no")
        .with_columns(cum=cum, limit=limit)
        .select(
            "payment_no",
            named_used_fen=pl.min_horizontal("cum", "limit")
            - pl.min_horizontal(pl.col("cum") - pl.col("amount_fen"), "limit"),
        )
    )


def _taken_of_lumps(rest: pl.DataFrame, done: pl.DataFrame, lumps: pl.DataFrame) -> pl.DataFrame:
    """payment_no, lump_used_fen: what the person's settlements took of the payment's lump."""
    used = done.group_by("person_key").agg(
        com_used=pl.col("com_lump_fen").sum(), sub_used=pl.col("sub_lump_fen").sum()
    )
    com = pl.col("class") == "com"
    left = pl.col("amount_fen") - pl.col("named_used_fen")
    return (
        rest.join(used, on="person_key", how="left")
        .join(lumps, on="person_key", how="left")
        .with_columns(pl.col("com_used", "sub_used", "com_fen", "sub_fen").fill_null(0))
        .sort("payment_no")
        .with_columns(
            left=left,
            limit=pl.when(com).then("com_used").otherwise("sub_used"),
            before=pl.when(com).then("com_fen").otherwise("sub_fen") - left.sum().over("person_key", "class"),
        )
        .with_columns(cum=pl.col("before") + pl.col("left").cum_sum().over("person_key", "class"))
        .select(
            "payment_no",
            lump_used_fen=pl.min_horizontal("cum", "limit")
            - pl.min_horizontal(pl.col("cum") - pl.col("left"), "limit"),
        )
    )
