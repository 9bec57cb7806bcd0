"""Standards, levels, forecast, register and pushes on small tables."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from flows.configuration import DATA
from reports.issue import check_of, issue_of, parts_of
from schemas.calendar import working_calendar
from schemas.policy import Policies, load_policies
from schemas.reference import load_reference
from schemas.warnings import WarningStandard, case_flow, hardship, monitored, warning_standards
from tests.core_frames import settlement, table
from transforms import cases, forecast
from transforms.pseudonym import key_texts, pseudonyms
from transforms.rules.warnings import level

POLICIES = load_policies(DATA / "policies")
CALENDAR = working_calendar(load_reference(DATA / "reference", None)["working_calendar"])
SECRET = bytes(range(32))


def income(*rows: tuple[int, str, int, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [("330112", year, kind, amount * 100, status, "x") for year, kind, amount, status in rows],
        schema={
            "region_code": pl.String, "year": pl.Int32, "kind": pl.String, "amount_fen": pl.Int64, "status": pl.String,
            "source": pl.String,
        },
        orient="row",
    )  # fmt: skip


def standards(
    county: str, year: int = 2023, table_: pl.DataFrame | None = None
) -> dict[str, WarningStandard]:
    found = warning_standards(POLICIES, income() if table_ is None else table_, [county], year)
    return {standard.rule_id: standard for standard in found}


def test_each_county_has_the_standards_of_its_own_documents() -> None:
    assert list(standards("330112")) == ["L-20", "L-21", "L-22"]
    assert list(standards("500243")) == ["P-27"]
    assert not standards("330302")
    assert not standards("330112", 2022)
    assert "没有配置" in standards("500243")["P-27"].missing
    assert standards("330112")["L-20"].threshold_fen == 2_000_000
    assert standards("330112")["L-20"].watch_fen == 1_600_000


def test_a_configured_standard_of_p27_warns_from_its_own_amount_on(tmp_path: Path) -> None:
    """结合实际确定监测标准: the figure is the county's own; 以上 is by the rule's operator."""
    for path in (DATA / "policies").glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    place = tmp_path / "pengshui.toml"
    text = place.read_text(encoding="utf-8")
    head, rest = text.split('id = "P-27"', 1)
    rule, tail = rest.split("\n\n", 1)
    own = "".join(
        f'\n[[rule.parameter]]\nname = "{name}"\ntitle = "{name}"\nunit = "{unit}"\nbasis = "cost_year"\n'
        f'[[rule.parameter.version]]\neffective_from = 2023-01-01\narticle = "二(四)1"\ncitation = "结合实际确定监测标准"\n'
        f'external = "虚构"\nvalue = "{value}"\n'
        for name, unit, value in (("threshold_yuan", "yuan", "15000"), ("watch_share", "ratio", "0.5"))
    )
    place.write_text(f'{head}id = "P-27"{rule}\n{own}\n{tail}', encoding="utf-8")
    policies: Policies = load_policies(tmp_path)
    (standard,) = warning_standards(policies, income(), ["500243"], 2024)
    assert (standard.measure, standard.threshold_fen, standard.watch_fen) == ("R0", 1_500_000, 750_000)
    levels = pl.DataFrame({"m": [749_999, 750_000, 1_499_999, 1_500_000, 3_000_000]})
    assert levels.select(level(pl.col("m"), standard)).to_series().to_list() == [0, 1, 1, 2, 3]


def test_income_of_the_year_before_else_the_latest_earlier_one() -> None:
    rows = income(
        (2020, "rural", 20_000, "正式"), (2021, "rural", 30_000, "正式"), (2023, "rural", 99_000, "正式")
    )
    found = standards("330112", 2023, rows)["L-22"]
    assert (found.threshold_fen, found.provisional, found.basis) == (
        3_000_000,
        True,
        "2021年度农村居民人均可支配收入",
    )
    assert standards("330112", 2022 + 2, rows)["L-22"].provisional is False
    assert "2022年度" in standards("330112", 2023, rows)["L-21"].missing


@pytest.mark.parametrize("operator", [">", ">="])
def test_levels_at_every_boundary(operator: str) -> None:
    """Threshold 100 yuan, four fifths watched: 80.00 watch; 100.00 over only with 以上; twice 200.00."""
    standard = WarningStandard(
        "L-22", "330112", "", "", "PSN", operator, (), ("390",), 10_000, watch_share=Fraction(4, 5)
    )
    frame = pl.DataFrame({"m": [-5, 7_999, 8_000, 10_000, 10_001, 19_999, 20_000]})
    found = frame.select(level(pl.col("m"), standard)).to_series().to_list()
    assert found == [0, 0, 1, 1 if operator == ">" else 2, 2, 2, 3]


def test_monitored_groups_and_the_set_of_returned_poverty() -> None:
    assert monitored(POLICIES, "330112")[:3] == ("TEKUN", "DIBAO", "DIBIAN")
    assert monitored(POLICIES, "500243") == ("TEKUN", "DIBAO", "DIBIAN", "JIANCE")
    assert set(monitored(POLICIES, "330302")) >= {"TEKUN", "XD2", "XD"}
    assert "XD2" not in monitored(POLICIES, "330112")
    assert "XD2" in hardship(POLICIES, "330112")


def test_a_case_number_carries_its_year_and_notices_a_slip_of_the_pen() -> None:
    numbers = cases.case_numbers("L-20", pl.Series([1, 2, 2**62]), 2023, lambda t: pseudonyms(t, SECRET))
    assert numbers.n_unique() == 3
    assert {cases.year_of(n) for n in numbers} == {2023}
    text = key_texts(numbers, "W")[0]
    assert cases.number_of(f" {text.lower()} ") == numbers[0]
    wrong = [text[:at] + ("5" if text[at] != "5" else "6") + text[at + 1 :] for at in range(2, len(text))]
    noticed = [cases.year_of(cases.number_of(one)) != 2023 for one in wrong]
    assert sum(noticed) >= len(wrong) - 1
    assert cases.number_of("12") is None


def test_days_of_issue_and_dates_due_are_working_days() -> None:
    assert cases.issue_day(CALENDAR, date(2023, 5, 20), 1) == date(2023, 5, 4)
    assert cases.last_issue(CALENDAR, date(2023, 5, 3), 1) == date(2023, 4, 3)
    assert cases.next_issue(CALENDAR, date(2023, 5, 5), 1) == date(2023, 6, 1)
    flow = case_flow(POLICIES, "330112", date(2023, 5, 1))
    assert flow is not None and (flow.visit_working_days, flow.issue_working_day) == (10, 1)
    assert case_flow(POLICIES, "500243", date(2023, 5, 1)) is None
    rows = pl.DataFrame(
        {
            "opened_on": [None, None],
            "over_since": [None, date(2030, 1, 2)],
            "first_seen": [date(2023, 5, 5)] * 2,
        },
        schema=dict.fromkeys(("opened_on", "over_since", "first_seen"), pl.Date),
    )
    due, lacking = cases.due_dates(rows, CALENDAR, 10, 1)
    assert due.to_list() == [date(2023, 6, 15), None]
    assert "2030" in lacking


def test_the_issue_number_tells_row_rows_and_reason() -> None:
    text = issue_of("20240506", 3, 27, 123456789)
    assert parts_of(f" {text} ") == ("20240506", 3, 27)
    assert (
        check_of(text) == check_of(issue_of("", 0, 0, 123456789)) != check_of(issue_of("", 0, 0, 987654321))
    )
    assert parts_of("2024年第5期") is None
    assert check_of("2024年第5期") == ""


def test_a_plain_forecast_and_what_it_was_off_last_year() -> None:
    """Last year 300 of 400 by the end of June. Off: person 1 had 100 of 100 then (133 foreseen, a third too much)."""
    rows = [
        settlement("A", 200, 100, id_key=1, at=datetime(2022, 2, 1)),
        settlement("B", 400, 200, id_key=2, at=datetime(2022, 6, 30)),
        settlement("C", 200, 100, id_key=2, at=datetime(2022, 9, 1)),
    ]
    alias = pl.DataFrame(
        schema={
            "code": pl.String,
            "stands_for": pl.String,
            "use": pl.String,
            "valid_from": pl.Date,
            "valid_to": pl.Date,
        }
    )
    found = forecast.shares(table("setl_d", rows).lazy(), alias, 2022, date(2023, 6, 30))
    share, error = found.of("PSN", "330112")
    assert share == (30_000, 40_000)
    assert error == pytest.approx(0.111111)
    got = pl.DataFrame({"m": [15_000]}).select(forecast.expected(pl.col("m"), share)).item()
    assert got == 20_000
    assert forecast.none().of("PSN", "330112") == (None, None)


def test_no_cell_of_a_list_is_a_formula(tmp_path: Path) -> None:
    from reports.township_list import FIELDS
    from reports.workbook import Sheet, write_workbook

    rows = pl.DataFrame({"warning_id": ["=1+1"], "name": ["@x"], "why": ["+1"], "issue_no": ["-1"]})
    path = tmp_path / "a.xlsx"
    write_workbook(path, [Sheet("预警名单", "名单", FIELDS, rows)], date(2024, 3, 1))
    page = openpyxl.load_workbook(path)["预警名单"]
    assert {cell.data_type for row in page.iter_rows() for cell in row if cell.value is not None} == {"s"}
    assert (page.page_setup.orientation, int(page.page_setup.paperSize)) == ("landscape", 9)
    assert page.print_title_rows == "$1:$1"
