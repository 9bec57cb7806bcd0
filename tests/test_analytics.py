"""Cost structure, institution sheets, item rankings and diseases on small tables, and what always holds of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import analytics, analytics_diseases, analytics_items
from transforms.analytics import (
    AFTERWARDS,
    LAYERS,
    POPULATIONS,
    SETTLED,
    UPLOADS,
    cost_structure,
    provider_sheet,
)
from transforms.analytics_items import LOW_INCOME_OUTSIDE, RANKING, item_ranking
from transforms.indicators_costs import FUNDS, insured_months, insured_of

COUNTY, OTHER = "330112", "330185"


def settlement(number: str, **given: Any) -> dict[str, Any]:
    """A counted settlement of March 2023 with its burden; amounts not given are zero."""
    zero = dict.fromkeys((*SETTLED.values(), "neg_fen", "com_used_fen", "sub_used_fen", "burden_fen"), 0)
    return {
        "setl_id": number, "person_key": 1, "county_code": COUNTY, "institution_code": "H1", "mdtrt_id": f"V{number}",
        "dise_no": None, "setl_time": datetime(2023, 3, 1), **zero, **given,
    }  # fmt: skip


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    types = dict.fromkeys((*SETTLED.values(), *FUNDS), pl.Int64) | {
        "institution_code": pl.String,
        "dise_no": pl.String,
    }
    return pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None)


def belonging(rows: pl.DataFrame, *populations: str) -> pl.DataFrame:
    """Settlements of one county with the populations to which all of them belong."""
    marks = {name: pl.lit(name in populations) for name in POPULATIONS}
    return rows.with_columns(region_code=pl.lit(COUNTY), **marks)


NO_AID = pl.DataFrame(schema={"setl_id": pl.String, **dict.fromkeys(AFTERWARDS[2:], pl.Int64)})
NO_NAMES = pl.DataFrame(schema={"institution_code": pl.String, "institution_name": pl.String})


def structure(
    rows: pl.DataFrame, members: pl.DataFrame, aid: pl.DataFrame = NO_AID
) -> dict[tuple[str, str], Any]:
    """(population, layer) → (settlements, fen) of the county."""
    months = insured_months(rows.lazy(), tuple(SETTLED.values()))
    found = cost_structure(months, members, rows, aid, 2023).filter(pl.col("region_code") == COUNTY)
    return {(row[2], row[3]): row[4:] for row in found.iter_rows()}


def test_layers_after_the_settlement_come_off_the_burden_of_everybody() -> None:
    """Two settlements: 700 and 300 borne; of the first 50 on the negative list, 100 from 补充保险, 30 from 优抚."""
    rows = frame(
        settlement(
            "S1", tot_fen=1000, psn_fen=700, neg_fen=50, com_used_fen=100, sub_used_fen=30, burden_fen=520
        ),
        settlement("S2", person_key=2, tot_fen=400, psn_fen=300, burden_fen=300),
    )
    aid = pl.DataFrame([("S1", 30, 0, 0, 0)], schema=NO_AID.schema, orient="row")
    found = structure(rows, belonging(rows[:1], "hardship"), aid)
    assert [found["insured", code] for code in ("TOT", "PSN", "NEG", "COM", "YOUFU", "B")] == [
        (2, 1400), (2, 1000), (2, 50), (2, 100), (2, 30), (2, 820),
    ]  # fmt: skip
    assert [found["hardship", code] for code in ("TOT", "B")] == [(1, 1000), (1, 520)]


def test_an_amount_that_no_settlement_shows_is_empty() -> None:
    rows = frame(
        settlement("S1", tot_fen=1000, ooc_fen=None, tilt_fen=None),
        settlement("S2", tot_fen=400, ooc_fen=70, tilt_fen=None),
    )
    found = structure(rows, belonging(rows, "hardship"))
    for population in ("insured", "hardship"):
        assert found[population, "OOC"] == (1, 70)
        assert found[population, "TILT"] == (0, None)


def sheets(rows: pl.DataFrame, *lines: tuple[Any, ...]) -> pl.DataFrame:
    uploaded = pl.DataFrame(lines, schema=UPLOADS, orient="row")
    return provider_sheet(belonging(rows, "hardship"), uploaded, NO_NAMES, 2023)


def test_own_pay_rate_is_over_what_is_known() -> None:
    """1,000 without a figure for what is outside: 70 of 400."""
    rows = frame(settlement("S1", tot_fen=1000, ooc_fen=None), settlement("S2", tot_fen=400, ooc_fen=70))
    [row] = sheets(rows).rows(named=True)
    assert (row["tot_fen"], row["ooc_fen"], row["ooc_rate"]) == (1400, 70, 70 / 400)
    none = sheets(frame(settlement("S1", tot_fen=1000, ooc_fen=None)))
    assert none["ooc_fen"].to_list() == [None] and none["ooc_rate"].to_list() == [None]


def test_an_institution_that_sends_no_lines_where_others_do_has_uploaded_nothing() -> None:
    rows = frame(
        settlement("S1", tot_fen=100, ooc_fen=10),
        settlement("S2", tot_fen=100, ooc_fen=10, institution_code="H2"),
        settlement("S3", tot_fen=100, ooc_fen=0, institution_code=None),
    )
    found = sheets(rows, ("S1", 10, 0, 0, 0, 0, 0, 0))
    assert found.select("institution_code", "upload_rate").rows() == [
        ("H1", 1.0),
        ("H2", 0.0),
        ("未知", None),
    ]
    assert sheets(rows)["upload_rate"].to_list() == [None, None, None]


def lines(*rows: tuple[Any, ...]) -> pl.LazyFrame:
    """(settlement, code, 目录类别, 收费类别, level, quantity, fen, fen outside)"""
    names = ("setl_id", "item_code", "list_type", "item_kind", "item_level", "quantity", "tot_fen", "ooc_fen")
    made = pl.DataFrame(
        rows,
        schema={
            **dict.fromkeys(names[:5], pl.String), "quantity": pl.Float64, "tot_fen": pl.Int64, "ooc_fen": pl.Int64
        },
        orient="row",
    )  # fmt: skip
    return made.lazy().with_columns(nego_flag=pl.lit(None, pl.String), vbp_flag=pl.lit(None, pl.String))


@pytest.mark.parametrize(
    ("list_type", "charge", "expected"),
    [
        ("101", None, "drug"), ("106", "08", "drug"), ("301", None, "consumable"), ("201", None, "service"),
        (None, "11", "drug"), (None, "08", "consumable"), (None, "03", "service"), ("105", "09", "drug"),
        ("105", "14", None), (None, None, None),
    ],
)  # fmt: skip
def test_the_kind_of_an_item(list_type: str | None, charge: str | None, expected: str | None) -> None:
    row = pl.DataFrame({"list_type": [list_type], "item_kind": [charge]}, schema_overrides={
        "list_type": pl.String, "item_kind": pl.String
    })  # fmt: skip
    assert row.select(analytics_items.kind_of()).item() == expected


def ranking(fees: pl.LazyFrame, members: pl.DataFrame, length: int) -> pl.DataFrame:
    names = pl.DataFrame(schema={"item_code": pl.String, "item_name": pl.String})
    used = analytics_items.used(fees).collect()
    return item_ranking(members, used, names, {COUNTY: length}, 2023)


def test_the_length_cuts_and_ties_follow_the_other_measure_and_the_code() -> None:
    """Twice each X and Y; X costs more. Z once, dearer than both. Of two places Z takes one of the amounts only."""
    fees = lines(
        ("S1", "Y", "101", None, "01", 1, 10, 0), ("S1", "Y", "101", None, "01", 1, 10, 0),
        ("S1", "X", "101", None, "01", 1, 15, 0), ("S1", "X", "101", None, "01", 1, 10, 0),
        ("S1", "Z", "101", None, "01", 1, 90, 0),
    )  # fmt: skip
    found = ranking(fees, belonging(frame(settlement("S1")), "monitored"), 2)
    shown = found.select("measure", "rank", "item_code", "in_both").rows()
    assert shown == [
        ("amount", 1, "Z", False), ("amount", 2, "X", True), ("count", 1, "X", True), ("count", 2, "Y", False),
    ]  # fmt: skip
    assert ranking(fees, belonging(frame(settlement("S1")), "monitored"), 0).is_empty()


def test_what_low_income_households_bear_outside_the_catalogue() -> None:
    """Of X 30 of 100 outside; Y is of level 丙 and tells no figure: all of it; Z lies inside."""
    fees = lines(
        ("S1", "X", "101", None, "02", 1, 100, 30), ("S1", "Y", "101", None, "03", 1, 40, None),
        ("S1", "Z", "101", None, "01", 1, 500, 0),
    )  # fmt: skip
    found = ranking(fees, belonging(frame(settlement("S1")), "low_income"), 20)
    outside = found.filter(pl.col("population") == LOW_INCOME_OUTSIDE, pl.col("measure") == "amount")
    assert outside.select("rank", "item_code", "amount_fen").rows() == [(1, "Y", 40), (2, "X", 30)]
    inside = found.filter(pl.col("population") == "low_income", pl.col("measure") == "amount")
    assert inside["item_code"].to_list() == ["Z", "X", "Y"]
    others = ranking(fees, belonging(frame(settlement("S1")), "hardship"), 20)
    assert others["population"].unique().to_list() == ["hardship"]


FEE = st.tuples(
    st.sampled_from(["S1", "S2"]), st.sampled_from("ABCDE"), st.just("101"), st.none(), st.just("01"),
    st.sampled_from([1.0, -1.0]), st.integers(0, 50), st.none(),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(FEE, max_size=25), st.integers(1, 4))
def test_rankings_fall_and_both_means_both(fees: list[tuple[Any, ...]], length: int) -> None:
    signed = [(*fee[:6], int(fee[6] * fee[5]), None) for fee in fees]
    found = ranking(lines(*signed), belonging(frame(settlement("S1"), settlement("S2")), "monitored"), length)
    assert found.schema == RANKING
    sides = {name: found.filter(pl.col("measure") == name).sort("rank") for name in ("count", "amount")}
    for name, column in (("count", "n_uses"), ("amount", "amount_fen")):
        side = sides[name]
        assert side["rank"].to_list() == list(range(1, side.height + 1)) and side.height <= length
        assert side[column].to_list() == sorted(side[column].to_list(), reverse=True)
    both = set(sides["count"]["item_code"]) & set(sides["amount"]["item_code"])
    assert set(found.filter("in_both")["item_code"]) == both


AMOUNT = st.none() | st.integers(-500, 5_000)
ROW = st.fixed_dictionaries(
    {
        "county_code": st.sampled_from([COUNTY, OTHER]),
        "setl_time": st.sampled_from([datetime(2023, 1, 1), datetime(2023, 12, 31, 23, 59)]),
        "tot_fen": st.integers(-500, 5_000), "psn_fen": st.integers(-500, 5_000), "ooc_fen": AMOUNT, "tilt_fen": AMOUNT,
        "bas_fen": AMOUNT, "cash_fen": AMOUNT, "pol_fen": AMOUNT,
    }
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=12))
def test_months_sum_to_the_year_and_every_part_to_its_rows(given_rows: list[dict[str, Any]]) -> None:
    made = [settlement(f"S{n}", **row, burden_fen=row["psn_fen"]) for n, row in enumerate(given_rows)]
    rows = frame(*made)
    months = insured_months(rows.lazy(), tuple(SETTLED.values()))
    assert insured_of(months, rows) == insured_of(insured_months(rows.lazy()), rows)
    found = cost_structure(months, belonging(rows[:0]), rows, NO_AID, 2023)
    assert set(found["layer_code"]) == set(LAYERS)
    for code in ("TOT", "OOC", "TILT", "BAS", "PSN"):
        known = [row[SETTLED[code]] for row in made if row[SETTLED[code]] is not None]
        own = found.filter(pl.col("layer_code") == code)
        assert (own["n_settlements"].sum(), own["amount_fen"].sum()) == (len(known), sum(known))
    assert found.filter(pl.col("layer_code") == "B")["amount_fen"].sum() == sum(
        row["psn_fen"] for row in made
    )


def diagnosis(visit: str, code: str, **given: Any) -> dict[str, Any]:
    return {"mdtrt_id": visit, "inout_type": "2", "diag_code": code, "main_flag": "1", "diag_no": 1, **given}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([diagnosis("V", "I10"), diagnosis("V", "E11", inout_type="1")], "I10"),
        ([diagnosis("V", "I10", main_flag="0"), diagnosis("V", "E11", diag_no=9)], "E11"),
        ([diagnosis("V", "I10", diag_no=2), diagnosis("V", "E11")], "E11"),
        ([diagnosis("V", "I10"), diagnosis("V", "E11")], None),
        ([diagnosis("V", "I10", inout_type=None, main_flag=None, diag_no=None)], "I10"),
    ],
)
def test_the_main_diagnosis_of_a_visit(rows: list[dict[str, Any]], expected: str | None) -> None:
    types = {"inout_type": pl.String, "main_flag": pl.String, "diag_no": pl.Int32}
    found = analytics_diseases.main_diagnoses(pl.DataFrame(rows, schema_overrides=types))
    assert found["diag_code"].to_list() == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("born", "band"),
    [(2023, "0-6"), (2016, "7-17"), (2005, "18-44"), (1978, "45-59"), (1948, "75+"), (None, None)],
)
def test_age_bands(born: int | None, band: str | None) -> None:
    row = pl.DataFrame({"birth_year": [born]}, schema={"birth_year": pl.Int32})
    assert row.select(analytics_diseases.age_band(2023)).item() == band


def test_a_person_counts_once_a_cell_and_stands_in_the_township_of_the_county_of_the_day() -> None:
    """Three visits of one person, one of them while another county listed her."""
    rows = [("S1", 1, COUNTY, 100), ("S2", 1, COUNTY, 50), ("S3", 1, OTHER, 7)]
    dated = pl.DataFrame(
        [(p, datetime(2023, 3, 1), f"V{n}", "I10", amount, amount, "DIBAO", code) for n, p, code, amount in rows],
        schema=[
            "person_key", "setl_time", "mdtrt_id", "dise_no", "tot_fen", "burden_fen", "category", "routed_code",
        ],
        orient="row",
    )  # fmt: skip
    persons = pl.DataFrame(
        {"person_key": [1], "birth_year": [1950], "township_code": ["330112102"], "region_code": [COUNTY]}
    )
    diagnoses = pl.DataFrame(schema={"mdtrt_id": pl.String, "diag_code": pl.String})
    names = pl.DataFrame(schema={"disease_code": pl.String, "disease_name": pl.String})
    found = analytics_diseases.disease_trend(dated, persons, diagnoses, names, 2023)
    shown = found.select("area_level", "area_code", "n_persons", "n_settlements", "tot_fen").rows()
    assert shown == [
        ("county", COUNTY, 1, 2, 150), ("township", "330112102", 1, 2, 150),
        ("county", OTHER, 1, 1, 7), ("township", f"{OTHER}/未知", 1, 1, 7),
    ]  # fmt: skip


def test_members_are_those_with_a_category_on_the_day() -> None:
    dated = pl.DataFrame(
        {"setl_id": ["S1", "S2"], "category": ["DIBAO", None], "routed_code": [COUNTY, COUNTY]}
    )
    found = analytics.members(dated, [("hardship", pl.Series([False, True]))])
    marks = found.select("setl_id", "region_code", *POPULATIONS)
    assert marks.rows() == [("S1", COUNTY, True, False, False), ("S2", COUNTY, False, True, False)]
