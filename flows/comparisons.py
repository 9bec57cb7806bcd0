"""Lists of departments against the register of people at risk, both ways (Z-25)."""

from __future__ import annotations

import polars as pl

from flows.year import Tables, Year
from transforms.roster_compare import differences
from transforms.spans import below

LOW_INCOME = "DISHOURU"
DEPARTMENT = "乡村振兴"
"""农业农村部门; its name since the bureaus for rural revival were joined to it (see the layout of rosters)."""
ONLY_LISTED = "在低收入农户名单，不在监测对象库"
ONLY_REGISTERED = "在监测对象库，不在低收入农户名单"


def comparisons(year: Year, tables: Tables) -> Tables:
    """Low-income rural people (低收入农户) against the register, where that department has sent its list.

    Rows of `mart.roster_finding`, one a person and direction, as on the yardstick date.
    """
    policy = year.configuration.policies.heads.get("Z")
    register = tables.get("risk_register")
    if policy is None or register is None:
        return {}
    held = year.rosters.certificates.filter(
        below("county_code", policy.territory),
        pl.col("valid_from") <= year.until,
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= year.until),
    )
    listed = held.filter(pl.col("code") == LOW_INCOME, pl.col("department") == DEPARTMENT)
    inside = register.filter(
        pl.col("entered_on").is_null() | (pl.col("entered_on") <= year.until),
        pl.col("left_on").is_null() | (pl.col("left_on") > year.until),
    )
    found = differences(
        listed.select("person_key", region_code="county_code"), inside.select("person_key", "region_code")
    )
    text = pl.when("listed").then(pl.lit(ONLY_LISTED)).otherwise(pl.lit(ONLY_REGISTERED))
    rows = found.select(
        "region_code",
        "person_key",
        rule_id=pl.lit("Z-25"),
        finding=text,
        n_rows=pl.lit(1, pl.Int64),
        department=pl.lit(DEPARTMENT),
        suggestion=pl.lit("请农业农村部门与医保部门比对：该入库的入库，该列入名单的补列。"),
    )
    return {"roster_finding": rows} if rows.height else {}
