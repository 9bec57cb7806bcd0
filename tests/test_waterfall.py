"""Layer waterfall: a household and its members step by step, unknown layers, subsidies by kind; sums to the fen."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.assess_frames as af
from tests.assess_run import run
from transforms.pseudonym import key_texts
from transforms.waterfall import AID, FUND_LAYERS, LAYERS, aid_layers, monitored, waterfall

FUNDS = ("bas", "cii", "lrg", "civ", "ent", "maf", "dis", "oth", "tilt")
Steps = list[tuple[str, float | None, float | None]]


def outcome_of(
    tables: dict[str, str], funds: dict[str, dict[str, int | None]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(waterfall, persons) of a case; `funds`: parts in yuan by settlement, what is not said is 0."""
    found = run({name: af.table(text) for name, text in tables.items()})
    rows = found.burdens.settlements
    parts = [
        pl.Series(
            f"{name}_fen",
            [None if (v := funds.get(s, {}).get(name, 0)) is None else v * 100 for s in rows["setl_id"]],
            dtype=pl.Int64,
        )
        for name in FUNDS
    ]
    settled = rows.with_columns(parts)
    people = monitored(af.certificates(af.table(tables["certificates"])), 2023)
    made = waterfall(
        settled,
        found.burdens.payments,
        found.assessed.cap_gap,
        found.assessed.benefit_item,
        found.persons,
        people,
        2023,
    )
    return made, found.persons


def steps(rows: pl.DataFrame, unit: str) -> Steps:
    own = rows.filter(pl.col("unit_id") == unit).sort("layer_no")
    assert own["layer_code"].to_list() == list(LAYERS)
    yuan = own.select("layer_code", pl.col("paid_fen") / 100, pl.col("remaining_fen") / 100)
    return [row for row in yuan.iter_rows() if row[1] != 0]


CASE = {
    "certificates": "person | code | from\nA | DIBAO | 2023-01-01",
    "members": "person | household\nA | H1",
    "settlements": """
        setl_id | person | date       | tot    | psn
        S1      | A      | 2023-03-01 | 100000 | 50000
        S2      | A      | 2023-05-01 | 1000   | 400
        """,
    "payments": """
        person | kind   | amount | setl_id
        A      | 惠民保 | 2000   | S1
        A      | 优抚   | 300    | S1
        A      | 慈善   | 500    |
        A      | 工会   | 100    |
        """,
}
FUND_PARTS = {"S1": {"bas": 40000, "cii": 7000, "maf": 2000, "oth": 600}, "S2": {"bas": 600}}
"""Of S1 400 are borne by the hospital: 100,000 − 40,000 − 7,000 − 2,000 − 600 − 50,000."""


def test_a_household_step_by_step() -> None:
    """101,000 in all; borne 50,400 − 2,000 − 300 − 500 − 100 = 47,500; cap 30,000: 17,500. OTHER: 600 fund, 100 union,
    400 hospital."""
    rows, _ = outcome_of(CASE, FUND_PARTS)
    assert steps(rows, "H1") == [
        ("BAS", 40600, 60400),
        ("CII", 7000, 53400),
        ("MAF", 2000, 51400),
        ("YOUFU", 300, 51100),
        ("COM", 2000, 49100),
        ("OTHER", 1100, 48000),
        ("CHARITY", 500, 47500),
        ("CAP", 17500, 30000),
    ]
    other = rows.filter((pl.col("unit_id") == "H1") & (pl.col("layer_code") == "OTHER"))
    assert other["aside_fen"].item() == 40_000


def test_a_person_ends_at_the_burden_since_the_cap_is_the_households() -> None:
    rows, _ = outcome_of(CASE, FUND_PARTS)
    unit = key_texts(pl.Series([af.key("A")]), "P").item()
    assert steps(rows, unit)[-1] == ("CHARITY", 500, 47500)
    assert rows["unit_type"].unique().sort().to_list() == ["household", "person"]


def test_an_unknown_layer_leaves_what_follows_open_until_the_burden() -> None:
    rows, _ = outcome_of(CASE, {"S1": {"bas": 40000, "cii": None}, "S2": {"bas": 600}})
    own = dict(
        rows.filter(pl.col("unit_id") == "H1")
        .select("layer_code", pl.struct("paid_fen", "remaining_fen"))
        .iter_rows()
    )
    assert own["BAS"] == {"paid_fen": 4_060_000, "remaining_fen": 6_040_000}
    assert own["CII"] == {"paid_fen": None, "remaining_fen": None}
    assert own["COM"] == {"paid_fen": 200_000, "remaining_fen": None}
    assert own["OTHER"] == {"paid_fen": None, "remaining_fen": 4_800_000}
    assert own["CAP"] == {"paid_fen": 1_750_000, "remaining_fen": 3_000_000}


def test_an_amount_not_determined_leaves_the_cap_open() -> None:
    rows, _ = outcome_of(CASE | {"troubles": "person | year\nA | 2023"}, FUND_PARTS)
    cap = rows.filter((pl.col("unit_id") == "H1") & (pl.col("layer_code") == "CAP"))
    assert cap.select("paid_fen", "remaining_fen").row(0) == (None, None)


def test_subsidies_follow_the_order_of_layers_along_the_settlements() -> None:
    """S1 uses 700, S2 300 of 优抚 200, 工会 100, 慈善 700: S1 takes 优抚, 工会 and 400 of 慈善, S2 the rest of it."""
    tables = CASE | {
        "settlements": "setl_id | person | date | psn\nS1 | A | 2023-03-01 | 700\nS2 | A | 2023-05-01 | 400",
        "payments": "person | kind | amount\nA | 优抚 | 200\nA | 工会 | 100\nA | 慈善 | 700",
    }
    found = run({name: af.table(text) for name, text in tables.items()})
    layers = aid_layers(found.burdens.settlements, found.burdens.payments).sort("setl_id")
    assert layers.select("setl_id", *AID).rows() == [
        ("S1", 20_000, 0, 10_000, 40_000),
        ("S2", 0, 0, 0, 30_000),
    ]


def test_a_subsidy_taken_back_stands_under_other() -> None:
    tables = CASE | {
        "settlements": "setl_id | person | date | psn | aid\nS1 | A | 2023-03-01 | 700 | -50",
        "payments": "person | kind | amount\nA | 慈善 | 200",
    }
    found = run({name: af.table(text) for name, text in tables.items()})
    layers = aid_layers(found.burdens.settlements, found.burdens.payments)
    used = found.burdens.settlements["sub_used_fen"].sum()
    assert layers["OTHER"].sum() == used and layers["CHARITY"].sum() == 0


def test_people_without_a_category_have_no_waterfall() -> None:
    rows, persons = outcome_of(
        CASE | {"settlements": CASE["settlements"] + "        S3 | B | 2023-03-01 | 10 | 10\n"}, FUND_PARTS
    )
    assert len(persons) == 2 and set(rows["unit_type"]) == {"household", "person"}
    assert rows.filter(pl.col("unit_type") == "person")["unit_id"].n_unique() == 1


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, list[dict[str, Any]]], dict[str, int]]:
    """One household of two with some settlements, funds and payments, all of whole yuan and none negative."""
    rows, basic = [], {}
    for number in range(draw(st.integers(1, 5))):
        psn, fund = draw(st.integers(0, 40_000)), draw(st.integers(0, 40_000))
        hospital = draw(st.integers(0, 50))
        name = f"S{number}"
        basic[name] = fund
        rows.append(
            {"setl_id": name, "person": draw(st.sampled_from("AB")), "date": f"2023-0{1 + number}-05",
             "psn": str(psn), "tot": str(psn + fund + hospital)}
        )  # fmt: skip
    kinds = st.sampled_from(["优抚", "医疗互助", "工会", "慈善", "惠民保"])
    payments = [
        {
            "person": draw(st.sampled_from("AB")),
            "kind": draw(kinds),
            "amount": str(draw(st.integers(1, 20_000))),
        }
        | draw(st.sampled_from([{}, {"setl_id": rows[0]["setl_id"]}]))
        for _ in range(draw(st.integers(0, 5)))
    ]
    return {"settlements": rows, "payments": payments}, basic


@settings(deadline=None, max_examples=40)
@given(cases())
def test_it_falls_from_the_total_to_what_is_left_and_sums_to_the_fen(
    case: tuple[dict[str, list[dict[str, Any]]], dict[str, int]],
) -> None:
    given_, basic = case
    papers = {
        "certificates": [{"person": p, "code": "DIBAO", "from": "2023-01-01"} for p in "AB"],
        "members": [{"person": p, "household": "H1"} for p in "AB"],
    }
    found = run(papers | given_)
    rows = found.burdens.settlements
    parts = [pl.lit(0, pl.Int64).alias(f"{name}_fen") for name in FUNDS[1:]]
    bas = pl.Series("bas_fen", [basic[s] * 100 for s in rows["setl_id"]], dtype=pl.Int64)
    settled = rows.with_columns(bas, *parts)
    gaps = found.assessed.cap_gap
    made = waterfall(
        settled,
        found.burdens.payments,
        gaps,
        found.assessed.benefit_item,
        found.persons,
        found.persons["person_key"],
        2023,
    )
    totals = {"H1": settled["tot_fen"].sum()} | {
        key_texts(pl.Series([person]), "P").item(): tot
        for person, tot in found.persons.select("person_key", "tot_fen").iter_rows()
    }
    ends = {"H1": gaps["burden_fen"].item() - gaps["amount_fen"].item()} | {
        key_texts(pl.Series([person]), "P").item(): burden
        for person, burden in found.persons.select("person_key", "burden_fen").iter_rows()
    }
    for (unit,), own in made.group_by("unit_id"):
        ordered = own.sort("layer_no")
        left = totals[str(unit)]
        for paid, remaining in ordered.select("paid_fen", "remaining_fen").iter_rows():
            assert paid >= 0 and remaining == left - paid
            left = remaining
        assert left == ends[str(unit)]
    used = made.filter(
        (pl.col("unit_id") == "H1") & pl.col("layer_code").is_in([c for c in AID if c != "OTHER"])
    )
    assert used["paid_fen"].sum() <= settled["sub_used_fen"].sum()


def test_layers_are_the_pinned_ones_in_order() -> None:
    assert LAYERS == (
        "BAS", "CII", "LRG", "CIV", "ENT", "MAF", "TILT", "YOUFU", "COM", "MUTUAL", "OTHER", "CHARITY", "CAP",
    )  # fmt: skip
    assert list(FUND_LAYERS) == list(LAYERS[:7])
