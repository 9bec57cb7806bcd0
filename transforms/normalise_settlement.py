"""setl_d: typed rows → core settlements with their identities, and the people and institutions that they show."""

from __future__ import annotations

import polars as pl

from schemas.core import AMOUNTS
from schemas.layouts import Layout
from transforms.identities import fill_optional, with_identities
from transforms.normalise_people import SIGHTING
from transforms.normalise_table import Typed

MONEY = {f"{text.split()[0]}": fen for fen, text in AMOUNTS.items()}
"""Source field → core column."""

FORMS = ["form_a", "form_b", "form_c", "form_d"]
INSTITUTION = ["file_id", "sheet", "source_row", "institution_code", "fixmedins_name"]
PERSON = {*SIGHTING.names(), "psn_name", "town_name", "village_name", "emp_name", "setl_time"}
"""Columns that `note_identities`, `institution_names` and the sightings of people need."""


def shape(batch: Typed, layout: Layout) -> None:
    """Turn the typed batch (with its keys) into core columns and add the identity faults."""
    frame = batch.frame.rename(MONEY | {"fixmedins_code": "institution_code", "refd_setl_flag": "refd_flag"})
    frame = frame.rename({"mid_setl_flag": "mid_flag", "year": "benefit_year"})
    code = pl.col("institution_code").cast(pl.String).str.slice(1, 6)
    region = pl.col("fix_blng_admdvs")
    if frame["fix_blng_admdvs"].null_count():
        region = pl.coalesce(region.cast(pl.String), pl.when(code.str.contains(r"^\d{6}$")).then(code))
    frame = frame.with_columns(
        institution_region=region,
        cost_year=pl.col("setl_time").dt.year().cast(pl.Int32),
    )
    batch.frame = frame = with_identities(fill_optional(frame))
    batch.faults.add(
        "identity_b",
        layout.header_of("medfee_sumamt"),
        "总额不等于基金支付加个人支付加医院负担，请核对这条结算后重新导出",
        frame["broken_b"],
    )
    batch.faults.add(
        "identity_c",
        layout.header_of("psn_pay"),
        "个人支付不等于个人账户加现金，请核对这条结算后重新导出",
        frame["broken_c"],
    )


def note_identities(batch: Typed, accepted: pl.DataFrame) -> None:
    """Findings on identities among the accepted rows: broken A and D. Which form of B and C is the region's own is
    judged over all its files (`form_counts`)."""
    broken_a, broken_d = accepted.select(
        (pl.col("form_a") == "broken").sum().alias("a"), (pl.col("form_d") == "broken").sum().alias("d")
    ).row(0)
    batch.note("identity_a", "四段费用之和不等于总额，政策范围内费用按未知处理", broken_a)
    batch.note("identity_d", "各项基金支付之和不等于基金支付总额", broken_d)


def form_counts(core: pl.DataFrame) -> dict[str, int]:
    """How many settlements hold each form of the identities B and C: `form_b.plain` …, those that there are."""
    forms = {"form_b": ("plain", "acct_in_fund"), "form_c": ("plain", "mul")}
    counts = core.select(
        (pl.col(name) == form).sum().alias(f"{name}.{form}")
        for name, values in forms.items()
        for form in values
    ).row(0, named=True)
    return {name: int(count) for name, count in counts.items() if count}


def person_columns() -> dict[str, pl.Expr]:
    """Where a settlement says that its person lives: town and village of a counter export, else the employer's name."""
    counter = pl.col("town_name").is_not_null() | pl.col("village_name").is_not_null()
    both = pl.concat_str("town_name", "village_name", ignore_nulls=True)
    return {
        "place_kind": pl.when(counter)
        .then(pl.lit("counter"))
        .when(pl.col("emp_name").is_not_null())
        .then(pl.lit("emp_name")),
        "place_text": pl.when(counter).then(both).otherwise("emp_name"),
        "village": pl.col("village_name"),
        "place_time": pl.when(counter | pl.col("emp_name").is_not_null()).then("setl_time"),
    }


def institution_names(accepted: pl.DataFrame) -> pl.DataFrame:
    """Distinct code and name of the institutions, with the first row that shows them."""
    new = accepted.select("institution_code", "fixmedins_name").hash_rows().is_first_distinct()
    first = accepted.select(INSTITUTION).filter(new)
    return first.drop_nulls("fixmedins_name").rename({"fixmedins_name": "name"})
