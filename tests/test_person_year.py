"""Totals of a person's year: unknown amounts, the latest scheme, inpatient codes; and where payments may point."""

from __future__ import annotations

import polars as pl
import pytest

import tests.assess_frames as af
from transforms.payments import named_settlements
from transforms.person_year import is_inpatient, totals


def total(text: str) -> dict[str, object]:
    return totals(af.settlements(af.table(text)).lazy(), is_inpatient(af.MED_TYPES)).to_dicts()[0]


@pytest.mark.parametrize(
    ("code", "county", "inpatient"),
    [
        ("21", "330112", True),
        ("2103", "330112", True),
        ("11", "330112", False),
        ("210", "330112", False),
        ("9902", "500243", True),
        ("9902", "430100", False),
        ("9902", "330112", False),
        (None, "330112", False),
    ],
)
def test_inpatient_codes(code: str | None, county: str, inpatient: bool) -> None:
    row = pl.DataFrame(
        {"med_type": [code], "county_code": [county]}, schema_overrides={"med_type": pl.String}
    )
    assert row.select(is_inpatient(af.MED_TYPES)).item() is inpatient


@pytest.mark.parametrize("schemes", [("390", "310"), ("A", "310"), ("390", "0310")])
def test_scheme_of_the_latest_settlement(schemes: tuple[str, str]) -> None:
    first, last = schemes
    row = total(
        f"""setl_id|person|date|psn|insutype|insured
        S9|A|2023-02-01|1|{first}|330112
        S1|A|2023-05-01|1|{first}|330112
        S2|A|2023-05-01|1|{last}|330185"""
    )
    assert (row["insutype"], row["county_code"]) == (last, "330185")


def test_scheme_of_another_form_all_year() -> None:
    row = total("setl_id|person|date|psn|insutype|insured\nS1|A|2023-02-01|1|D|3301120000")
    assert (row["insutype"], row["county_code"]) == ("D", "3301120000")


def test_unknown_amounts_are_not_zero() -> None:
    row = total("setl_id|person|date|psn|pol|cash\nS1|A|2023-02-01|10|?|?\nS2|A|2023-02-02|5|4|3")
    assert (row["pol_fen"], row["cash_fen"], row["cash_known_fen"]) == (None, None, 300)
    assert (row["psn_fen"], row["tot_fen"], row["n_settlements"]) == (1500, 1500, 2)


def test_years_of_a_visit_issued_anew_in_january() -> None:
    rows = af.settlements(
        af.table(
            """setl_id|person|date|psn|visit
            S1|A|2023-12-30|10|V1
            S2|A|2024-01-02|10|V1
            S3|A|2022-05-02|10|V3"""
        )
    )
    payments = af.payments(af.table("person|kind|amount|setl_id\nA|惠民保|3|S1\nA|惠民保|3|"))

    states = rows.with_columns(
        state=pl.when(pl.col("setl_id") == "S1").then(pl.lit("reversed")).otherwise(pl.lit("counted"))
    )
    assert named_settlements(payments, states.lazy())["setl_id"].to_list() == ["S1", "S2"]
