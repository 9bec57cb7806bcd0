"""Cost structure (费用结构, 浙政办发〔2022〕42号 二(二)) and the sheet of institutions (机构情况, 临政办〔2024〕1号 三(二)).

Who is looked at: `monitored`, everybody with a category on the day of settlement; `hardship`, 困难群众 of the county's
own documents; `low_income`, 相对低收入家庭; `insured`, everybody. All amounts in whole fen; a ratio is made of whole fen
or whole settlements and is empty where its denominator is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

MONITORED, HARDSHIP, LOW_INCOME, INSURED = "monitored", "hardship", "low_income", "insured"
POPULATIONS = (MONITORED, HARDSHIP, LOW_INCOME)
"""Those whose settlements are looked at one by one."""
SETTLED = {
    "TOT": "tot_fen", "OOC": "ooc_fen", "OVL": "ovl_fen", "PRE": "pre_fen", "POL": "pol_fen", "DED": "ded_fen",
    "BAS": "bas_fen", "CII": "cii_fen", "LRG": "lrg_fen", "CIV": "civ_fen", "ENT": "ent_fen", "DIS": "dis_fen",
    "MAF": "maf_fen", "TILT": "tilt_fen", "OTH": "oth_fen", "PSN": "psn_fen", "ACC": "acct_fen", "CASH": "cash_fen",
    "HOSP": "hosp_fen",
}  # fmt: skip
"""Parts that a settlement itself shows: TOT = OOC + OVL + PRE + POL, and TOT = what funds paid + PSN + HOSP."""
AFTERWARDS = ("NEG", "COM", "YOUFU", "MUTUAL", "OTHER", "CHARITY")
"""What comes off PSN after the settlement; B is what is left."""
BELONGING = (
    "setl_id", "person_key", "setl_time", "institution_code", "neg_fen", "com_used_fen", "sub_used_fen",
    *SETTLED.values(),
)  # fmt: skip
"""Columns of a settlement that are summed up by population."""
LAYERS = (*SETTLED, *AFTERWARDS, "B")
STRUCTURE = pl.Schema(
    {
        "region_code": pl.String, "month": pl.Int32, "population": pl.String, "layer_code": pl.String,
        "n_settlements": pl.Int64, "amount_fen": pl.Int64,
    }
)  # fmt: skip
SHEET = pl.Schema(
    {
        "region_code": pl.String, "year": pl.Int32, "population": pl.String, "institution_code": pl.String,
        "name": pl.String, "tot_fen": pl.Int64, "ooc_fen": pl.Int64, "ovl_fen": pl.Int64, "ooc_rate": pl.Float64,
        "upload_rate": pl.Float64, "in_catalogue_share": pl.Float64, "vbp_share": pl.Float64, "nego_share": pl.Float64,
    }
)  # fmt: skip
UNKNOWN_INSTITUTION = "未知"
"""A counter export may leave the institution open."""
UPLOADS = pl.Schema(
    {
        "setl_id": pl.String, "items_ooc_fen": pl.Int64, "level_fen": pl.Int64, "inside_fen": pl.Int64,
        "vbp_known_fen": pl.Int64, "vbp_fen": pl.Int64, "nego_known_fen": pl.Int64, "nego_fen": pl.Int64,
    }
)  # fmt: skip
"""What the fee lines of a settlement sum to: cost of those whose level, 集采 or 谈判 mark is known, and of those that
are inside, 集采中选 and 谈判药."""


def members(dated: pl.DataFrame, held: Iterable[tuple[str, pl.Series]]) -> pl.DataFrame:
    """The settlements that belong to a population: BELONGING of `dated`, region_code, and whether for each of POPULATIONS.

    `dated`: settlements with category and routed_code (`indicators_costs.routed`). `held`: (population, whether on the
    day of each row of `dated` the person holds its categories), once or more a population.
    """
    flags = dict.fromkeys(POPULATIONS, pl.repeat(False, dated.height, dtype=pl.Boolean, eager=True))
    flags[MONITORED] = dated["category"].is_not_null()
    for name, rows in held:
        flags[name] = flags[name] | rows
    routed = dated["routed_code"].is_not_null()
    columns = [name for name in BELONGING if name in dated.columns]
    marked = dated.select(*columns, region_code="routed_code").with_columns(
        **{name: flag & routed for name, flag in flags.items()}
    )
    return marked.filter(pl.any_horizontal(POPULATIONS))


def in_populations(marked: pl.DataFrame) -> pl.DataFrame:
    """Each row once for every population that it is marked with (`members`): column population instead of the marks."""
    return pl.concat(
        marked.filter(name).select(pl.exclude(POPULATIONS), population=pl.lit(name)) for name in POPULATIONS
    )


def cost_structure(
    months: pl.DataFrame, belonging: pl.DataFrame, settlements: pl.DataFrame, aid: pl.DataFrame, year: int
) -> pl.DataFrame:
    """Rows of mart.cost_structure: STRUCTURE, one a county, month, population and layer.

    `months`: `indicators_costs.insured_months` with the amounts of SETTLED, of the counties shown. `belonging`:
    `members`. `settlements`: Burdens.settlements. `aid`: `waterfall.aid_layers`. n_settlements: of how many the amount is
    known; of none: the amount is empty.
    """
    keys = ["region_code", "month", "population"]
    by = ["region_code", "month", *POPULATIONS]
    own = in_populations(_summed(belonging, aid, by, _sums(SETTLED))).group_by(keys).agg(pl.all().sum())
    off = _summed(settlements.rename({"county_code": "region_code"}), aid, by[:2], [])
    shown = [
        e
        for code, c in SETTLED.items()
        for e in (pl.col(c).alias(code), pl.col(f"{c}_known").alias(f"{code}_n"))
    ]
    everybody = months.filter(pl.col("county_code").is_not_null()).select(
        "month", *shown, region_code="county_code", population=pl.lit(INSURED)
    )
    everybody = everybody.join(off, on=["region_code", "month"], how="left").with_columns(
        pl.col(AFTERWARDS).fill_null(0)
    )
    wide = pl.concat([everybody.select(own.columns), own])
    wide = wide.with_columns(B=pl.col("PSN") - pl.sum_horizontal(AFTERWARDS), B_n="PSN_n").with_columns(
        pl.col("TOT_n").alias(f"{code}_n") for code in AFTERWARDS
    )
    long = pl.concat(
        wide.select(
            *keys,
            layer_code=pl.lit(code),
            n_settlements=pl.col(f"{code}_n"),
            amount_fen=pl.when(pl.col(f"{code}_n") > 0).then(pl.col(code)),
        )
        for code in LAYERS
    ).with_columns(month=pl.col("month") + year * 100)
    order = pl.col("layer_code").replace_strict({code: n for n, code in enumerate(LAYERS)})
    return long.cast(STRUCTURE).select(list(STRUCTURE)).sort("region_code", "month", "population", order)


def _sums(parts: Mapping[str, str]) -> list[pl.Expr]:
    """Sum of each part, and of how many settlements it is known."""
    return [
        expression
        for code, column in parts.items()
        for expression in (
            pl.col(column).sum().alias(code), pl.col(column).count().cast(pl.Int64).alias(f"{code}_n")
        )
    ]  # fmt: skip


def _summed(
    settlements: pl.DataFrame, aid: pl.DataFrame, by: list[str], parts: list[pl.Expr]
) -> pl.DataFrame:
    """`parts` of the settlements by month and more, and the sums of what came off them AFTERWARDS."""
    rows = settlements.lazy().with_columns(month=pl.col("setl_time").dt.month().cast(pl.Int32))
    later = {"NEG": pl.col("neg_fen").sum(), "COM": pl.col("com_used_fen").sum()}
    sums = rows.group_by(by).agg(*parts, **later)
    aided = rows.filter(pl.col("sub_used_fen") != 0).select("setl_id", *by).join(aid.lazy(), on="setl_id")
    found = sums.join(
        aided.group_by(by).agg(pl.col(AFTERWARDS[2:]).sum()), on=by, how="left", nulls_equal=True
    )
    return found.with_columns(pl.col(AFTERWARDS[2:]).fill_null(0)).collect(engine="streaming")


def provider_sheet(
    belonging: pl.DataFrame, uploads: pl.DataFrame, names: pl.DataFrame, year: int
) -> pl.DataFrame:
    """Rows of mart.provider_sheet: SHEET, one a county, population and institution.

    `belonging`: `members`; `uploads`: UPLOADS (`analytics_items.uploads`), without rows where no fee lines have come;
    `names`: institution_code, institution_name. 自费率 is over the settlements whose out-of-catalogue cost is known.
    明细上传率: of the settlements with such cost those whose fee lines cover it. A county without any fee lines in the year
    has none of the shares.
    """
    rows = belonging.select(
        "setl_id", "region_code", *POPULATIONS, "tot_fen", "ooc_fen", "ovl_fen",
        pl.col("institution_code").fill_null(UNKNOWN_INSTITUTION),
    ).join(uploads, on="setl_id", how="left")  # fmt: skip
    asked = pl.col("ooc_fen") > 0
    covered = asked & (pl.col("items_ooc_fen") >= pl.col("ooc_fen")).fill_null(False)
    parts = rows.group_by("region_code", "institution_code", *POPULATIONS).agg(
        pl.col("tot_fen", "ooc_fen", "ovl_fen").sum(),
        pl.col(UPLOADS.names()[2:]).sum(),
        ooc_n=pl.col("ooc_fen").count(),
        ovl_n=pl.col("ovl_fen").count(),
        lines_n=pl.col("items_ooc_fen").count(),
        ooc_known_fen=pl.col("tot_fen").filter(pl.col("ooc_fen").is_not_null()).sum(),
        n_asked=asked.sum().cast(pl.Int64),
        n_covered=covered.sum().cast(pl.Int64),
    )
    parts = parts.with_columns(came=(pl.col("lines_n") > 0).any().over("region_code"))
    found = (
        in_populations(parts)
        .group_by("region_code", "population", "institution_code", "came")
        .agg(pl.all().sum())
        .with_columns(
            pl.when(pl.col(f"{c}_n") > 0).then(f"{c}_fen").alias(f"{c}_fen") for c in ("ooc", "ovl")
        )
    )
    came = pl.col("came")
    shares = {
        "ooc_rate": ("ooc_fen", "ooc_known_fen"), "upload_rate": ("n_covered", "n_asked"),
        "in_catalogue_share": ("inside_fen", "level_fen"), "vbp_share": ("vbp_fen", "vbp_known_fen"),
        "nego_share": ("nego_fen", "nego_known_fen"),
    }  # fmt: skip
    made = {
        name: share(*parts) if name == "ooc_rate" else pl.when(came).then(share(*parts))
        for name, parts in shares.items()
    }
    named = names.select("institution_code", name="institution_name")
    return (
        found.with_columns(**made, year=pl.lit(year, pl.Int32))
        .join(named, on="institution_code", how="left")
        .select(list(SHEET))
        .cast(SHEET)
        .sort("region_code", "population", "institution_code")
    )


def share(part: str, whole: str) -> pl.Expr:
    """A ratio of two whole numbers; empty where the second is not above zero."""
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))
