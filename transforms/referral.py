"""Was a visit properly referred (规范转诊)? The first fact that says so counts (彭水府办发〔2023〕52号 二(六)).

States: `not_needed`, `referred`, `filed` (异地备案), `emergency` (in order, with review), `local` (the person's own
region, or a place that needs no referral), `not_referred`, `unknown` (held, never a zero).
"""

from __future__ import annotations

import polars as pl

from transforms.places import county_of

STATES = ("not_needed", "referred", "filed", "emergency", "local", "not_referred", "unknown")
EMERGENCY = ("13", "24")
"""Medical types of emergency care: 急诊, 急诊转住院."""
LEVELS = {
    **dict.fromkeys(("01", "02", "03", "04"), 3),
    **dict.fromkeys(("05", "06", "07"), 2),
    **dict.fromkeys(("08", "09", "10"), 1),
    "11": 0,
}
"""hosp_lv → level of the institution (三级, 二级, 一级, 无等级); any other code is unknown."""


def level() -> pl.Expr:
    """Level (3, 2, 1, 0) of column hosp_lv; null where unknown."""
    return pl.col("hosp_lv").replace_strict(LEVELS, default=None, return_dtype=pl.Int32)


def with_referral(
    visits: pl.DataFrame,
    referrals: pl.DataFrame,
    filings: pl.DataFrame,
    free: pl.DataFrame,
    alias: pl.DataFrame,
) -> pl.DataFrame:
    """Adds referral (one of STATES) to visits, which keep their order.

    visits: visit_id, person_key, region_code (where the person is recognised), mdtrt_id, admitted_on, refl_stas,
    med_type, hosp_lv, institution_code, institution_region. referrals: core refl_appy_evt_c, filings: core
    out_appy_d, both with person_key. free: referral_free.csv; alias: region_alias.csv.
    """
    referred = referred_visits(visits, referrals)
    filed = filed_visits(visits, filings, alias)
    shown = pl.col("refl_stas").str.strip_chars()
    state = (
        pl.when(shown == "0")
        .then(pl.lit("not_needed"))
        .when(shown == "1")
        .then(pl.lit("referred"))
        .when(shown == "2")
        .then(pl.lit("not_referred"))
        .when(pl.col("visit_id").is_in(referred.implode()))
        .then(pl.lit("referred"))
        .when(pl.col("visit_id").is_in(filed.implode()))
        .then(pl.lit("filed"))
        .when(pl.col("med_type").is_in(EMERGENCY))
        .then(pl.lit("emergency"))
        .when(_local(visits, free).fill_null(False))
        .then(pl.lit("local"))
        .otherwise(pl.lit("unknown"))
    )
    return visits.with_columns(referral=state)


def _valid() -> pl.Expr:
    """A record counts unless it says that it is not valid."""
    return (pl.col("vali_flag") == "1") | pl.col("vali_flag").is_null()


def referred_visits(visits: pl.DataFrame, referrals: pl.DataFrame) -> pl.Series:
    """visit_id of the visits that a valid referral names (结算ID, 就诊ID), or, where it names none, whose
    admission lies in its period.
    """
    valid = referrals.filter(_valid())
    named = pl.col("setl_id").is_not_null() | pl.col("mdtrt_id").is_not_null()
    by_id = visits.join(
        valid.filter(named).select("person_key", "setl_id"),
        left_on=["person_key", "visit_id"],
        right_on=["person_key", "setl_id"],
        how="semi",
    )
    by_stay = visits.join(
        valid.filter(named).select("person_key", "mdtrt_id"), on=["person_key", "mdtrt_id"], how="semi"
    )
    open_ = valid.filter(~named).select(
        "person_key", _from=pl.coalesce("begndate", "refl_date"), _to=pl.col("enddate")
    )
    by_day = visits.join(open_, on="person_key").filter(_covers())
    return pl.concat([frame["visit_id"] for frame in (by_id, by_stay, by_day)]).unique()


def _covers() -> pl.Expr:
    begun = (pl.col("_from") <= pl.col("admitted_on")).fill_null(False)
    return begun & (pl.col("_to") >= pl.col("admitted_on")).fill_null(pl.col("_to").is_null())


def filed_visits(visits: pl.DataFrame, filings: pl.DataFrame, alias: pl.DataFrame) -> pl.Series:
    """visit_id of the visits whose admission date and place a valid filing (异地就医备案) covers."""
    place = county_of(pl.col("rloc_admdvs"), alias, "institution", pl.col("begndate"))
    known = filings.filter(_valid()).select(
        "person_key",
        _from="begndate",
        _to="enddate",
        _place=_prefix(place),
        _code="trafout_fixmedins_code",
    )
    there = pl.col("institution_region").str.starts_with(pl.col("_place")).fill_null(False)
    same = (pl.col("institution_code") == pl.col("_code")).fill_null(False)
    return visits.join(known, on="person_key").filter(_covers() & (there | same))["visit_id"].unique()


def _prefix(code: pl.Expr) -> pl.Expr:
    """A region code without trailing pairs of zeros, so that it is the prefix of all that lies below it."""
    return code.str.replace(r"^(\d{2})(0000)?$", "$1").str.replace(r"^(\d{4})00$", "$1")


def _local(visits: pl.DataFrame, free: pl.DataFrame) -> pl.Expr:
    """Treated in the person's own region, or where and at which level no referral is needed."""
    place, region = pl.col("institution_region"), pl.col("region_code")
    local = place.str.starts_with(region)
    for row in free.iter_rows(named=True):
        home = region.str.starts_with(str(row["region_code"]).removesuffix("00").removesuffix("00"))
        here = home & place.str.starts_with(row["place_prefix"])
        if row["hosp_lv_max"] is not None:
            here = here & _at_most(str(row["hosp_lv_max"]))
        if row["valid_from"] is not None:
            here = here & (pl.col("admitted_on") >= row["valid_from"])
        local = local.fill_null(False) | here.fill_null(False)
    return local


def _at_most(highest: str) -> pl.Expr:
    """The institution's level is at most this one: a level (1, 2, 3) or a hosp_lv code (01 is the highest)."""
    return level() <= int(highest) if len(highest) == 1 else pl.col("hosp_lv") >= highest
