"""Rankings of drugs, consumables and services (高频高额药品耗材和诊疗项目排名, 浙政办发〔2022〕42号 二(二)), from fee lines.

A use (次) is a fee line; a line taken back takes one use off. Quantities are not added up: they count tablets here and
boxes there. All amounts in whole fen.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from transforms.analytics import LOW_INCOME, POPULATIONS, UPLOADS, in_populations
from transforms.rules.drug_cover import DRUG_CHARGES, DRUG_LISTS

DRUG, CONSUMABLE, SERVICE = "drug", "consumable", "service"
LISTS = {**dict.fromkeys(DRUG_LISTS, DRUG), "301": CONSUMABLE, "201": SERVICE, "501": SERVICE}
"""Kind by 目录类别."""
CHARGES = {
    **dict.fromkeys(DRUG_CHARGES, DRUG), "08": CONSUMABLE,
    **dict.fromkeys(("01", "02", "03", "04", "05", "06", "07", "12", "13"), SERVICE),
}  # fmt: skip
"""Kind by 收费项目类别, where the catalogue does not tell it."""
INSIDE, OUTSIDE = ("01", "02"), "03"
"""甲, 乙 are in the catalogue; 丙 is not."""
LOW_INCOME_OUTSIDE = f"{LOW_INCOME}_ooc"
"""Low-income households, what they bear of items outside the catalogue (温政办〔2023〕90号 三(四))."""
LINE = ("setl_id", "item_code", "item_name", "list_type", "item_kind", "item_level", "nego_flag", "vbp_flag", "quantity",
        "tot_fen", "ooc_fen")  # fmt: skip
"""Columns of a fee line that are looked at."""
USED = pl.Schema(
    {
        "setl_id": pl.String, "item_code": pl.String, "kind": pl.String, "n_uses": pl.Int64, "amount_fen": pl.Int64,
        "n_outside": pl.Int64, "outside_fen": pl.Int64,
    }
)  # fmt: skip
MEASURES = {"count": ("n_uses", "amount_fen"), "amount": ("amount_fen", "n_uses")}
"""By what an item stands higher; then by the other measure, then by its code."""
RANKING = pl.Schema(
    {
        "region_code": pl.String, "year": pl.Int32, "population": pl.String, "kind": pl.String, "measure": pl.String,
        "rank": pl.Int32, "item_code": pl.String, "item_name": pl.String, "n_uses": pl.Int64, "n_persons": pl.Int64,
        "amount_fen": pl.Int64, "in_both": pl.Boolean,
    }
)  # fmt: skip


def kind_of() -> pl.Expr:
    """drug, consumable or service; null where neither 目录类别 nor 收费项目类别 tells it."""
    return pl.coalesce(
        pl.col("list_type").replace_strict(LISTS, default=None, return_dtype=pl.String),
        pl.col("item_kind").replace_strict(CHARGES, default=None, return_dtype=pl.String),
    )


def outside_fen() -> pl.Expr:
    """Cost of a line outside the catalogue; of a line of level 丙 that does not tell it, all of it."""
    return pl.coalesce("ooc_fen", pl.when(pl.col("item_level") == OUTSIDE).then("tot_fen"))


def uploads(lines: pl.LazyFrame) -> pl.LazyFrame:
    """What the fee lines of each settlement sum to: UPLOADS. A line without a mark is on neither side of its share."""
    tot, level = pl.col("tot_fen"), pl.col("item_level")
    marks = {
        "level_fen": level.is_in([*INSIDE, OUTSIDE]), "inside_fen": level.is_in(list(INSIDE)),
        "vbp_known_fen": pl.col("vbp_flag").is_in(["0", "1"]), "vbp_fen": pl.col("vbp_flag") == "1",
        "nego_known_fen": pl.col("nego_flag").is_in(["0", "1"]), "nego_fen": pl.col("nego_flag") == "1",
    }  # fmt: skip
    return (
        lines.group_by("setl_id")
        .agg(
            items_ooc_fen=outside_fen().fill_null(0).sum(),
            **{name: tot.filter(marked).sum() for name, marked in marks.items()},
        )
        .select(list(UPLOADS))
    )


def used(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Uses and cost of each item in each settlement: USED."""
    back = (pl.col("tot_fen") < 0) | (pl.col("quantity") < 0).fill_null(False)
    use = pl.when(back).then(-1).otherwise(1).cast(pl.Int64)
    outside = outside_fen().fill_null(0)
    return (
        lines.group_by("setl_id", "item_code", kind=kind_of())
        .agg(
            n_uses=use.sum(),
            amount_fen=pl.col("tot_fen").sum(),
            n_outside=use.filter(outside != 0).sum(),
            outside_fen=outside.sum(),
        )
        .select(list(USED))
    )


def names_of(lines: pl.LazyFrame) -> pl.LazyFrame:
    """item_code, item_name: the name that most lines give; of several the first in the order of texts."""
    return (
        lines.filter(pl.col("item_name").is_not_null())
        .group_by("item_code", "item_name")
        .agg(n=pl.len())
        .sort("item_code", "n", "item_name", descending=[False, True, False])
        .unique("item_code", keep="first", maintain_order=True)
        .select("item_code", "item_name")
    )


def item_ranking(
    belonging: pl.DataFrame,
    uses: pl.DataFrame,
    names: pl.DataFrame,
    lengths: Mapping[str, int],
    year: int,
) -> pl.DataFrame:
    """Rows of mart.item_ranking: RANKING, the first of each county, population, kind and measure.

    `belonging`: `analytics.members`; `uses`: USED; `names`: `names_of`; `lengths`: county → how many items a ranking has;
    a county without a length has none. Items taken back in full stand nowhere, nor do those whose kind is not known.
    """
    known = uses.filter(pl.col("kind").is_not_null())
    whose = belonging.select("setl_id", "person_key", "region_code", *POPULATIONS)
    every = in_populations(known.join(whose, on="setl_id"))
    outside = every.filter((pl.col("population") == LOW_INCOME) & (pl.col("n_outside") != 0)).with_columns(
        population=pl.lit(LOW_INCOME_OUTSIDE), n_uses="n_outside", amount_fen="outside_fen"
    )
    group = ["region_code", "population", "kind"]
    sums = (
        pl.concat([every, outside])
        .group_by(*group, "item_code")
        .agg(pl.col("n_uses", "amount_fen").sum(), n_persons=pl.col("person_key").n_unique().cast(pl.Int64))
        .filter((pl.col("n_uses") > 0) & (pl.col("amount_fen") >= 0))
        .with_columns(
            length=pl.col("region_code").replace_strict(dict(lengths), default=0, return_dtype=pl.Int64)
        )
    )
    ranked = pl.concat(_first(sums, group, measure) for measure in MEASURES)
    both = (pl.len() > 1).over(*group, "item_code")
    return (
        ranked.with_columns(in_both=both, year=pl.lit(year, pl.Int32))
        .join(names, on="item_code", how="left")
        .select(list(RANKING))
        .cast(RANKING)
        .sort(*group, "measure", "rank")
    )


def _first(sums: pl.DataFrame, group: list[str], measure: str) -> pl.DataFrame:
    """The first items of each group by a measure, with measure and rank."""
    ordered = sums.sort(*MEASURES[measure], "item_code", descending=[True, True, False])
    place = pl.int_range(1, pl.len() + 1).over(group)
    return ordered.with_columns(rank=place, measure=pl.lit(measure)).filter(
        pl.col("rank") <= pl.col("length")
    )
