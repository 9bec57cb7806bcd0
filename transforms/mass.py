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
    known: Mass,
    people: pl.Series,
    before: pl.DataFrame,
    after: pl.DataFrame,
    more: pl.DataFrame,
    twins: pl.DataFrame,
    asked: Asked,
) -> Mass | None:
    """`known` with what it holds of `people` (person_key) taken off and put in anew, and with `more` settlements of others.

    `before`, `after`: all counted settlements of these people as `known` was made of them, and as they are. `more`,
    `twins`: see `grown`. None where `before` does not sum up to what is known, so that all must be found anew.
    """
    theirs = pl.col("person_key").is_in(people.implode())
    if not same(totals(before.lazy(), asked.inpatient), known.sums.filter(theirs)):
        return None
    now, then = mass(after.lazy(), asked), grown(known, more, twins, asked)
    minus = insured_months(before.lazy(), tuple(SETTLED.values())).with_columns(-pl.col(pl.Int64))
    changed = pl.col("person_key").is_in(pl.concat([people, then.sums["person_key"]]).implode())

    def replaced(name: str) -> pl.DataFrame:
        held: pl.DataFrame = getattr(known, name)
        new: list[pl.DataFrame] = [getattr(found, name) for found in (now, then)]
        return pl.concat([held.filter(~changed), *(rows.select(held.columns) for rows in new)])

    months = pl.concat(
        found.select(known.months.columns) for found in (known.months, minus, now.months, then.months)
    )
    keys = ["county_code", "month"]
    summed = months.group_by(keys).agg(pl.all().exclude(keys).sum()).filter(pl.col("n") > 0)
    return Mass(months=summed, **{name: replaced(name) for name in BY_PERSON})


def grown(known: Mass, more: pl.DataFrame, twins: pl.DataFrame, asked: Asked) -> Mass:
    """Of the people of `more` what `known` holds with these further counted settlements; `months` of `more` alone.

    Nothing else of these people has changed, they go by one key each and are not `unsteady`. `twins`: counted
    settlements that `known` is made of; at least those that share a `leads.mark` with one of `more`.
    """
    marks = more.select(leads.mark()).to_series()
    old = twins.filter(leads.mark().is_in(marks.implode()) & (pl.col("tot_fen") > 0))
    found = mass(more.lazy(), asked, repeated(pl.concat([marks, old.select(leads.mark()).to_series()])))
    theirs = pl.col("person_key").is_in(found.sums["person_key"].implode())
    eyed = pl.concat(rows.select(found.eyed.columns) for rows in (known.eyed.filter(theirs), found.eyed, old))
    eyed = eyed.unique("setl_id")
    amounts = [
        pl.when(pl.col(f"{name}_fen").null_count() == 0).then(pl.col(f"{name}_fen").sum()) for name in SUMS
    ]
    sums = (
        pl.concat([known.sums.filter(theirs), found.sums.select(known.sums.columns)])
        .group_by("person_key")
        .agg(
            *(amount.alias(f"{name}_fen") for name, amount in zip(SUMS, amounts, strict=True)),
            pl.col("n_settlements", "n_inpatient", "cash_known_fen").sum(),
            pl.col("insutype", "county_code").first(),
        )
    )
    return Mass(sums, found.months, eyed, leads.entered_twice(eyed))


def unsteady(sums: pl.DataFrame, more: pl.DataFrame) -> pl.Series:
    """person_key of the people whose `more` settlements show another scheme or insured region than their `sums`: which
    is the latest, the sums alone do not tell.
    """
    shown = more.select("person_key", "insutype", "county_code").unique()
    both = shown.join(sums, on="person_key", suffix="_held")
    same = (pl.col(name).eq_missing(pl.col(f"{name}_held")) for name in ("insutype", "county_code"))
    return both.filter(~pl.all_horizontal(same))["person_key"].unique()


def same(left: pl.DataFrame, right: pl.DataFrame) -> bool:
    """Whether two frames of one row a person hold the same."""
    return left.sort("person_key").equals(right.select(left.columns).sort("person_key"))
