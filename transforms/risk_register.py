"""The risk register (因病致贫返贫风险潜在对象库): who is in it as what, from which day to which (Z-06, Z-08, Z-09, L-19, L-23).

Members of the monitored groups are in it whatever they spend, by their rosters. Everyone warned and everyone declared
is in it as 其他潜在对象 (QIANZAI) to the end of the year, and begins the next from nought (A-L19). Entries and exits are
dated and never overwritten: an episode that ended stays, a new one is a row of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from transforms.spans import FAR

POTENTIAL = "QIANZAI"
BY_ROSTER = "名册"
REGISTER = pl.Schema(
    {
        "person_key": pl.Int64,
        "region_code": pl.String,
        "class": pl.String,
        "reason": pl.String,
        "entered_on": pl.Date,
        "left_on": pl.Date,
    }
)


def register(
    certificates: pl.DataFrame,
    groups: Mapping[str, Sequence[str]],
    warnings: pl.DataFrame,
    declarations: pl.DataFrame,
    year: int,
    on: date,
) -> pl.DataFrame:
    """REGISTER of a cost year, as of the day `on`, by region, person, class and entry.

    `groups`: monitored categories of each county; `warnings`: person_key, region_code, rule_id, first_seen, last_seen,
    status; `declarations`: person_key, region_code, declarant_kind, declared_on.
    """
    parts = [
        by_roster(certificates, groups, year, on),
        by_warning(warnings, year, on),
        by_declaration(declarations, year, on),
    ]
    key = ["region_code", "person_key", "class", "entered_on", "reason"]
    return (
        pl.concat([part.select(REGISTER.names()).cast(REGISTER) for part in parts])
        .sort(*key, "left_on", nulls_last=True)
        .unique(key, keep="last", maintain_order=True)
    )


def by_roster(
    certificates: pl.DataFrame, groups: Mapping[str, Sequence[str]], year: int, on: date
) -> pl.DataFrame:
    """Episodes of the monitored groups that touch the year; spans of one class without a day between are one."""
    pairs = pl.DataFrame(
        [(county, code) for county, codes in groups.items() for code in codes],
        schema={"county_code": pl.String, "code": pl.String},
        orient="row",
    )
    key = ["person_key", "county_code", "code"]
    held = (
        certificates.join(pairs, on=["county_code", "code"])
        .filter(pl.col("valid_from") <= on)
        .with_columns(pl.col("valid_to").fill_null(FAR))
        .sort(*key, "valid_from", "valid_to")
    )
    reach = pl.col("valid_to").cum_max().shift(1).over(key)
    begins = reach.is_null() | (pl.col("valid_from").sub(pl.duration(days=1)) > reach)
    several = held.select(key).is_duplicated()  # hardly anybody has more than one span of a class
    runs = held.filter(several).with_columns(run=begins.cum_sum().over(key)).group_by(*key, "run")
    joined = runs.agg(pl.col("valid_from").min(), pl.col("valid_to").max()).drop("run")
    episodes = pl.concat([held.filter(~several).select(joined.columns), joined]).filter(
        (pl.col("valid_from") <= date(year, 12, 31)) & (pl.col("valid_to") >= date(year, 1, 1))
    )
    return episodes.select(
        "person_key",
        region_code="county_code",
        **{"class": pl.col("code")},
        reason=pl.lit(BY_ROSTER),
        entered_on="valid_from",
        left_on=pl.when(pl.col("valid_to") < on).then("valid_to"),
    )


def by_warning(warnings: pl.DataFrame, year: int, on: date) -> pl.DataFrame:
    """One episode a case: from the day it was seen to the end of the year, or to its withdrawal."""
    entered = pl.min_horizontal("first_seen", pl.lit(date(year, 12, 31)))
    withdrawn = pl.when(pl.col("status") == "withdrawn").then(pl.max_horizontal("last_seen", entered))
    return warnings.select(
        "person_key",
        "region_code",
        **{"class": pl.lit(POTENTIAL)},
        reason=pl.format("预警 {}", "rule_id"),
        entered_on=entered,
        left_on=pl.coalesce(withdrawn, _year_end(year, on)),
    )


def by_declaration(declarations: pl.DataFrame, year: int, on: date) -> pl.DataFrame:
    """One episode a declaration (补充申报), from its day to the end of the year."""
    own = declarations.filter((pl.col("declared_on").dt.year() == year) & (pl.col("declared_on") <= on))
    return own.select(
        "person_key",
        "region_code",
        **{"class": pl.lit(POTENTIAL)},
        reason=pl.format("补充申报（{}）", "declarant_kind"),
        entered_on="declared_on",
        left_on=_year_end(year, on),
    )


def _year_end(year: int, on: date) -> pl.Expr:
    """The last day of a year that is over."""
    end = date(year, 12, 31)
    return pl.lit(end if on > end else None, pl.Date)
