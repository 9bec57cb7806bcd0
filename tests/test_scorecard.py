"""The scorecard: words for what is met, money of funds over the years, nothing where nothing was assessed."""

from __future__ import annotations

import polars as pl

from reports.scorecard import assisted, figures, positions, results, scorecard_sheets, scores
from stores.exports import _mart

REGIONS, DOCUMENTS = {"330112": "临安区"}, {"Z": "浙政办发〔2022〕42号"}


def marts(**given: list[dict[str, object]]) -> dict[str, pl.DataFrame]:
    """Mart tables with all their columns from a few cells."""
    names = ("indicator", "fund_position", "cap_gap", "benefit_line", "warning")
    return {name: _mart(name, pl.DataFrame(given.get(name, []))) for name in names}


def indicator(code: str, **more: object) -> dict[str, object]:
    row = {
        "region_code": "330112",
        "year": 2023,
        "indicator_id": code,
        "population": "hardship",
        "variant": "default",
    }
    return {
        **row,
        "policy_id": "Z",
        "numerator": 4.0,
        "denominator": 5.0,
        "value": 0.8,
        "provisional": False,
        **more,
    }


def test_one_line_a_county_and_year() -> None:
    tables = marts(
        indicator=[
            indicator("IND-3", target=0.8, met=True),
            indicator("IND-3", policy_id="L", value=None, met=None),
            indicator("IND-5", target=1.0, met=False),
            indicator("IND-5", variant="amount", value=0.1),
        ],
        warning=[
            {"region_code": "330112", "year": 2023, "person_key": "P1", "status": "closed", "overdue": False},
            {
                "region_code": "330112",
                "year": 2023,
                "person_key": "P1",
                "status": "discovered",
                "overdue": True,
            },
            {
                "region_code": "330112",
                "year": 2023,
                "person_key": "P2",
                "status": "withdrawn",
                "overdue": True,
            },
        ],
    )
    [row] = scores(tables).to_dicts()
    assert row["IND-3"] == "L·困难群众：无资料；Z·困难群众：80.00%（目标80.00%，达标）"
    assert row["IND-5"] == "80.00%（目标100.00%，未达标）" and row["IND-1"] is None
    assert (row["n_warned"], row["n_verified"], row["n_closed"], row["n_overdue"]) == (1, 1, 1, 1)


def test_persons_are_whole_numbers_and_money_is_yuan() -> None:
    rows = figures(marts(indicator=[indicator("IND-1"), indicator("IND-3")])["indicator"], DOCUMENTS)
    assert rows["numerator_text"].to_list() == ["4", "4.00元"]
    assert rows["document"].unique().to_list() == ["浙政办发〔2022〕42号"]


def test_income_over_the_years() -> None:
    fund = {
        "region_code": "330112",
        "fund": "暖心基金",
        "rule_id": "L-10",
        "n_units": 2,
        "due_fen": 50,
        "met": True,
    }
    rows = positions(
        marts(
            fund_position=[
                fund | {"year": 2024, "raised_fen": 100, "fiscal_fen": 10},
                fund | {"year": 2025, "raised_fen": 200, "fiscal_fen": 90, "met": False},
            ]
        )["fund_position"]
    )
    assert rows["raised_so_far_fen"].to_list() == [100, 300] and rows["fiscal_so_far_fen"].to_list() == [
        10,
        100,
    ]
    assert rows["average_fen"].to_list() == [25, 25] and rows["met_text"].to_list() == ["符合", "不符合"]


def test_what_a_fund_achieved() -> None:
    """Two over by 100 and 300 (burdens 1,100 and 1,300), 100 and 150 paid: 250 of 400, 1,200 down to 1,075 on average."""
    unit = {"region_code": "330112", "rule_id": "L-04", "cost_year": 2023}
    rows = results(
        marts(
            cap_gap=[
                unit | {"unit_id": "H1", "burden_fen": 1100, "gap_fen": 100, "paid_fen": 100},
                unit | {"unit_id": "H2", "burden_fen": 1300, "gap_fen": 300, "paid_fen": 150},
                unit | {"unit_id": "H3", "burden_fen": 900, "gap_fen": 0, "paid_fen": 0},
            ]
        )["cap_gap"]
    )
    [row] = rows.to_dicts()
    assert (row["n_over"], row["n_helped"], row["resolved_fen"], row["gap_fen"]) == (2, 2, 250, 400)
    assert (row["share_text"], row["before_fen"], row["after_fen"]) == ("62.50%", 1200, 1075)


def test_assistance_by_rule_and_category() -> None:
    line = {
        "region_code": "500243",
        "cost_year": 2023,
        "rule_id": "P-16",
        "category": "DIBAO",
        "settlement_id": "S1",
    }
    rows = assisted(
        marts(
            benefit_line=[
                line | {"person_key": "P1", "amount_fen": 500},
                line | {"person_key": "P1", "amount_fen": None},
                line | {"person_key": "P1", "amount_fen": 7, "adjustment_of": "B1"},
                line | {"person_key": "P2", "amount_fen": 9, "settlement_id": None, "rule_id": "L-04"},
            ]
        )["benefit_line"]
    )
    [row] = rows.to_dicts()
    assert (row["n_lines"], row["n_persons"], row["amount_fen"], row["n_open"]) == (2, 1, 500, 1)


def test_nothing_assessed_makes_no_sheet() -> None:
    assert scorecard_sheets(marts(), REGIONS, DOCUMENTS) == []
