"""What is asked of the counted settlements of everybody, millions a year: found in a few streaming passes.

Sums by person and by month, and the few settlements that later rules look at one by one. All of it belongs to single
persons or adds up, so when new files touch some people only, theirs is taken off and put in anew (`patched`).
All amounts in fen.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from transforms.analytics import SETTLED
from transforms.burden import DETAIL
from transforms.indicators_costs import FUNDS, insured_months
from transforms.person_year import SUMS, totals
from transforms.rules import leads
from transforms.versions import repeated

SUMMED = (
    "id_key", "setl_id", "setl_time", "insutype", "insu_admdvs", "med_type", "vali_flag", "out_flag",
    *dict.fromkeys([*(f"{name}_fen" for name in SUMS), *FUNDS, *SETTLED.values()]),
)  # fmt: skip
"""Columns of a core row that the sums by person and month look at."""
ONE_BY_ONE = (*dict.fromkeys([*SUMMED, *leads.NEEDED, *DETAIL]),)
"""Columns of a core row (and some that are worked out) that settlements looked at one by one must have."""
BY_PERSON = ("sums", "eyed", "twice")


class Mass(NamedTuple):
    """Of all counted settlements of a cost year.

    sums: `person_year.totals`. months: `indicators_costs.insured_months` with the amounts of SETTLED. eyed:
    `leads.looked_at`, settlements that can be a lead by themselves. twice: `leads.entered_twice`, that may have been
    entered twice.
    """

    sums: pl.DataFrame
    months: pl.DataFrame
    eyed: pl.DataFrame
    twice: pl.DataFrame


class Asked(NamedTuple):
    """How the settlements are looked at. inpatient: `person_year.is_inpatient`; stay_codes: medical types that are a
    stay somewhere; dead: id_key of people who have died; linked: of people who go by several keys.
    """

    inpatient: pl.Expr
    stay_codes: list[str]
    dead: pl.Series
    linked: pl.Series


def mass(plain: pl.LazyFrame, asked: Asked, twins: pl.Series | None = None) -> Mass:
    """All of it, from `Resolved.plain`; `twins`: `Looked.twins` (None: they are looked for)."""
    if twins is None:
        marks = plain.select(leads.mark()).collect(engine="streaming").to_series()
        twins = repeated(marks)
    people = pl.concat([asked.dead, asked.linked])
    eyed = leads.looked_at(plain.select(leads.NEEDED), asked.stay_codes, people, twins)
    found = eyed.collect(engine="streaming")
    months = insured_months(plain, tuple(SETTLED.values()))
    return Mass(totals(plain, asked.inpatient), months, found, leads.entered_twice(found))


def patched(
    known: Mass, people: pl.Series, before: pl.DataFrame, after: pl.DataFrame, asked: Asked
) -> Mass | None:
    """`known` with what it holds of `people` (person_key) taken off and put in anew.

    `before`, `after`: all counted settlements of these people as `known` was made of them, and as they are. None where
    `before` does not sum up to what is known, so that all must be found anew.
    """
    theirs = pl.col("person_key").is_in(people.implode())
    if not same(totals(before.lazy(), asked.inpatient), known.sums.filter(theirs)):
        return None
    now = mass(after.lazy(), asked)
    minus = insured_months(before.lazy(), tuple(SETTLED.values())).with_columns(-pl.col(pl.Int64))
    keys = ["county_code", "month"]
    months = pl.concat(
        [known.months, minus.select(known.months.columns), now.months.select(known.months.columns)]
    )
    left = {
        name: pl.concat([
            getattr(known, name).filter(~theirs),
            getattr(now, name).select(getattr(known, name).columns),
        ])
        for name in BY_PERSON
    }  # fmt: skip
    summed = months.group_by(keys).agg(pl.all().exclude(keys).sum()).filter(pl.col("n") > 0)
    return Mass(left["sums"], summed, left["eyed"], left["twice"])


def same(left: pl.DataFrame, right: pl.DataFrame) -> bool:
    """Whether two frames of one row a person hold the same."""
    return left.sort("person_key").equals(right.select(left.columns).sort("person_key"))
