"""Facts of each visit of an assistance object (救助对象): sums, category, referral, disease, place.

One row a visit (一次就医); what is unknown is null. Nothing of the policy's money is applied here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from transforms import places
from transforms.referral import level, with_referral
from transforms.rules import relief_accounts
from transforms.spans import best_code_spans, on_day, overlapping
from transforms.special_disease import with_special
from transforms.stays import each_by_itself, with_kind, with_visits

if TYPE_CHECKING:
    from schemas.assistance import Assistance

UNNAMED = "FANPIN"
"""返贫致贫人口: named in every benefit clause, missing from the list of objects (读法 A-P21)."""
SUMMED = ("tot", "psn", "pol", "r0", "acct", "maf", "recorded", "oth")
OTHER_FUNDS = ("civ_fen", "ent_fen", "dis_fen", "oth_fen")


@dataclass(frozen=True)
class Given:
    """What the flow hands over, for the people of one policy.

    settlements: Burdens.settlements of the roster's people. certificates: person_key, county_code, code,
    valid_from, valid_to. members: memberships of the year. referrals, filings, opening: core tables with
    person_key; diagnoses: core, current. institutions: institution_code, hosp_lv, valid_from, valid_to.
    diseases, referral_free, alias, med_types: reference tables; `list_delivered`: the bureau sent its own disease
    list. referred: setl_id of stays that a decision calls referred (认定转诊). troubles: Resolved.troubles. ranks: categories of all policies in order.
    """

    settlements: pl.DataFrame
    certificates: pl.DataFrame
    members: pl.DataFrame
    referrals: pl.DataFrame
    filings: pl.DataFrame
    diagnoses: pl.DataFrame
    institutions: pl.DataFrame
    referred: pl.Series
    opening: pl.DataFrame
    troubles: pl.DataFrame
    diseases: pl.DataFrame
    list_delivered: bool
    referral_free: pl.DataFrame
    alias: pl.DataFrame
    med_types: pl.DataFrame
    ranks: list[str]


@dataclass(frozen=True)
class Facts:
    """settlements: those of the objects with visit_id, r0_fen (null: unknown) and flags; visits: one row a visit.

    visits: visit_id, stay_id, person_key, region_code, setl_time, visit_date, admitted_on, inpatient, level,
    designated, place (region of the institution), special, by_diagnosis, referral, flagged, category, and in fen
    tot, psn, pol, r0 (raw), acct, maf, recorded (tilt), oth, extra (other funds), upper (most that r0 can be).
    """

    settlements: pl.DataFrame
    visits: pl.DataFrame


def object_spans(
    given: Given, assistance: Assistance, without: tuple[str, ...] = (), first: date | None = None
) -> pl.DataFrame:
    """Who holds which of the policy's categories when, the best one of a day: person_key, category, county_code,
    valid_from, valid_to. From the first day of the year on, or from `first`.
    """
    own = given.certificates.filter(pl.col("county_code").is_in(list(assistance.counties)))
    codes = [code for code in assistance.categories if code not in without]
    begin = first or assistance.terms[0].valid_from.replace(month=1, day=1)
    return best_code_spans(own, codes, begin, assistance.terms[-1].valid_to)


def facts(given: Given, assistance: Assistance) -> Facts:
    """Every visit of the year of the people who hold a category of the policy on its date."""
    spans = object_spans(given, assistance)
    people = spans.select("person_key").unique()
    own = given.settlements.join(people, on="person_key", how="semi")
    alias_day = pl.col("setl_time").dt.date()
    known = with_levels(own, given.institutions).with_columns(
        place=places.region_of_institution(given.alias, alias_day),
        r0_fen=pl.col("pol_fen") - pl.col("bas_fen") - pl.col("cii_fen") - pl.col("lrg_fen"),
        extra_fen=pl.sum_horizontal(OTHER_FUNDS),
        upper_fen=pl.col("tot_fen") - pl.sum_horizontal("bas_fen", "cii_fen", "lrg_fen"),
        recorded_fen=pl.coalesce("tilt_fen", pl.when(assistance.terms[0].tilt_in_other_fund).then("oth_fen")),
    )
    grouped = with_visits(with_kind(known, given.med_types))
    return described(grouped.with_columns(stay_id="visit_id"), given, spans)


def split(found: Facts, given: Given, assistance: Assistance) -> Facts:
    """The same where every settlement is a visit (A-P02 a), of the people who have a stay of several settlements."""
    several = found.settlements.filter(pl.len().over("visit_id") > 1).select("person_key").unique()
    rows = found.settlements.join(several, on="person_key", how="semi")
    columns = [
        name for name in rows.columns if name not in ("special", "by_diagnosis", "visit_date", "region_code")
    ]
    parts = described(each_by_itself(rows.select(columns)), given, object_spans(given, assistance))
    return replace(parts, visits=relief_accounts.parted(parts.visits, found.visits))


def with_levels(settlements: pl.DataFrame, institutions: pl.DataFrame) -> pl.DataFrame:
    """hosp_lv of the settlement, else that of the institution's entry valid on the day."""
    unknown = settlements.filter(pl.col("hosp_lv").is_null()).select(
        "setl_id", "institution_code", "setl_time"
    )
    day = pl.col("setl_time").dt.date()
    listed = (
        unknown.join(institutions.drop_nulls("hosp_lv"), on="institution_code")
        .filter((pl.col("valid_from") <= day) & (pl.col("valid_to") >= day).fill_null(True))
        .sort("setl_id", "valid_from", "hosp_lv")
        .unique("setl_id", keep="last", maintain_order=True)
        .select("setl_id", _listed="hosp_lv")
    )
    return (
        settlements.join(listed, on="setl_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("hosp_lv", "_listed").alias("hosp_lv"))
        .drop("_listed")
    )


def described(settlements: pl.DataFrame, given: Given, spans: pl.DataFrame) -> Facts:
    """Settlements with visit_id to visits with everything known of them."""
    whole = _visits(settlements)
    held = spans.select("person_key", "valid_from", "valid_to", "category", region_code="county_code")
    dated = on_day(whole, held, "visit_date", ["category", "region_code"])
    objects = _routed_here(dated.filter(pl.col("category").is_not_null()), given)
    visits = objects.select("visit_id", "region_code", "visit_date")
    rows = settlements.join(visits, on="visit_id", how="inner", maintain_order="left")
    rows = with_special(rows, given.diagnoses, given.diseases, given.list_delivered)
    diseases = rows.group_by("visit_id").agg(
        special=pl.when(pl.col("special").is_not_null().all()).then(pl.col("special").any()),
        by_diagnosis=pl.col("by_diagnosis").any() & ~(pl.col("special") & ~pl.col("by_diagnosis")).any(),
    )
    found = objects.join(diseases, on="visit_id", how="left", maintain_order="left")
    referred = with_referral(
        found.with_columns(institution_region="place"),
        given.referrals,
        given.filings,
        given.referral_free,
        given.alias,
    )
    named = rows.filter(pl.col("setl_id").is_in(given.referred.implode()))["visit_id"]
    by_decision = pl.col("visit_id").is_in(named.implode())
    state = pl.when(by_decision).then(pl.lit("referred")).otherwise("referral")
    return Facts(rows, referred.with_columns(level=level(), referral=state))


def _visits(settlements: pl.DataFrame) -> pl.DataFrame:
    """Sums over each visit (null where one part is unknown) and what its last settlement shows."""
    ordered = settlements.sort("person_key", "setl_time", "setl_id")
    last = ("person_key", "setl_time", "institution_code", "place", "hosp_lv", "mdtrt_id", "refl_stas", "med_type",
            "designated", "inpatient", "stay_id")  # fmt: skip
    sums = [
        pl.when(pl.col(f"{name}_fen").null_count() == 0)
        .then(pl.col(f"{name}_fen").sum())
        .alias(f"{name}_fen")
        for name in SUMMED
    ]
    return (
        ordered.group_by("visit_id", maintain_order=True)
        .agg(
            *(pl.col(name).last() for name in last),
            *sums,
            pl.col("extra_fen", "upper_fen").sum(),
            bound_fen=pl.col("psn_fen").sum()
            + pl.col("maf_fen").fill_null(0).sum()
            + pl.col("recorded_fen").fill_null(0).sum(),
            bound_open=(pl.col("maf_fen").is_null() | (pl.col("recorded_fen").is_null() & (pl.col("oth_fen").fill_null(1) > 0))).any(),
            flagged=pl.col("flagged").any(),
            admitted_on=pl.col("begndate").min(),
            n_settlements=pl.len(),
        )
        .with_columns(visit_date=pl.col("setl_time").dt.date(), bound_fen=pl.col("bound_fen").clip(lower_bound=0))
        .with_columns(pl.coalesce("admitted_on", "visit_date").alias("admitted_on"))
    )  # fmt: skip


def _routed_here(visits: pl.DataFrame, given: Given) -> pl.DataFrame:
    """Without the visits of a day on which another county's roster lists the person under a better category."""
    several = given.certificates.filter(pl.col("county_code").n_unique().over("person_key") > 1)
    asked = visits.join(several.select("person_key").unique(), on="person_key", how="semi")
    if asked.is_empty():
        return visits
    routed = places.routed(asked.rename({"visit_id": "setl_id"}).lazy(), several, given.ranks)
    away = routed.join(
        visits.select("visit_id", "region_code"), left_on="setl_id", right_on="visit_id"
    ).filter(pl.col("routed_code") != pl.col("region_code"))
    return visits.join(away.select(visit_id="setl_id"), on="visit_id", how="anti", maintain_order="left")


def categories(
    visits: pl.DataFrame, given: Given, assistance: Assistance, readings: dict[str, str]
) -> pl.DataFrame:
    """visits with the category under these readings: of the settlement date, of the admission (A-P13 b), or the best
    of any day of the visit (c); without 返贫致贫人口 (A-P21 b).
    """
    day, unnamed = readings.get("A-P13", "a"), readings.get("A-P21", "a") == "b"
    if day == "a" and not unnamed:
        return visits
    first, last = assistance.terms[0].valid_from.replace(month=1, day=1), assistance.terms[-1].valid_to
    admitted: list[date] = visits["admitted_on"].drop_nulls().to_list()
    first = min([first, *admitted])  # a stay may have begun in the year before
    spans = object_spans(given, assistance, (UNNAMED,) if unnamed else (), first)
    bare = visits.drop("category")
    if day != "c":
        return on_day(bare, spans, "admitted_on" if day == "b" else "visit_date", ["category"])
    order = {code: place for place, code in enumerate(assistance.categories)}
    best = (
        bare.select("visit_id", "person_key", "admitted_on", "visit_date")
        .join(overlapping(spans, first, last), on="person_key")
        .filter(
            (pl.col("valid_from") <= pl.col("visit_date")) & (pl.col("valid_to") >= pl.col("admitted_on"))
        )
        .sort("visit_id", pl.col("category").replace_strict(order, return_dtype=pl.Int32))
        .unique("visit_id", keep="first", maintain_order=True)
        .select("visit_id", "category")
    )
    return bare.join(best, on="visit_id", how="left", maintain_order="left")
