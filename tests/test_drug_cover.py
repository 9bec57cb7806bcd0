"""Full cover of outpatient drugs (W-16): off, on, its two counties, and what the drugs of a settlement are."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import configuration
from schemas.drug_cover import drug_covers
from schemas.policy import PolicyError, load_policies
from stores.home import Home
from tests.support import deliver, run, table
from tests.test_assistance_flow import HEADER, listed, settlement
from tests.test_order import ROSTER, A, B, written
from transforms.rules.drug_cover import NO_ITEMS, NO_KIND, NO_LEVEL, OFF_TOTAL, covered, drug_sums

ROOT = Path(__file__).parents[1]
ITEMS = (
    "setl_id,bkkp_sn,med_list_codg,list_type,med_chrgitm_type,det_item_fee_sumamt,fulamt_ownpay_amt,inscp_amt"
)
OFF = 'citation = "探索建立(读法 A-W11)"\nvalue = false'
NOWHERE = 'citation = "文件未列名称"\nvalue = []'


def policies(folder: Path, *counties: str, enabled: bool = True) -> Path:
    """The shipped policies with the cover turned on in these counties."""
    shutil.copytree(ROOT / "data" / "policies", folder)
    path = folder / "wenzhou.toml"
    text = path.read_text(encoding="utf-8")
    assert OFF in text and NOWHERE in text
    listed_ = ", ".join(f'"{code}"' for code in counties)
    text = text.replace(OFF, OFF.replace("false", str(enabled).lower()))
    path.write_text(text.replace(NOWHERE, NOWHERE.replace("[]", f"[{listed_}]")), encoding="utf-8")
    return folder


def test_off_as_shipped() -> None:
    assert drug_covers(load_policies(ROOT / "data" / "policies"), 2024) == []


@pytest.mark.parametrize("counties", [("330305",), ("330305", "330326")])
def test_one_or_two_counties(tmp_path: Path, counties: tuple[str, ...]) -> None:
    [cover] = drug_covers(load_policies(policies(tmp_path / "p", *counties)), 2024)
    assert (cover.counties, cover.first_day, cover.level_max) == (counties, date(2024, 2, 1), 1)
    assert drug_covers(load_policies(tmp_path / "p"), 2023) == []
    [later] = drug_covers(load_policies(tmp_path / "p"), 2025)
    assert later.first_day == date(2025, 1, 1)


def test_three_counties_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="W-16.*至多2个,写了3个"):
        load_policies(policies(tmp_path / "p", "330305", "330326", "330327"))


def test_a_county_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="330112 不在本政策的地域内"):
        load_policies(policies(tmp_path / "p", "330112", enabled=False))


def test_turned_on_nowhere(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="须为1至2个,写了0个"):
        drug_covers(load_policies(policies(tmp_path / "p")), 2024)


def amount(
    drugs: int | None, items: int | None, *, total: int = 1000, burden: int = 400, level: int | None = 1
) -> tuple[int | None, str | None] | None:
    rows = pl.DataFrame(
        [("S1", level, total, burden)],
        schema={"setl_id": pl.String, "level": pl.Int32, "tot_fen": pl.Int64, "burden_fen": pl.Int64},
        orient="row",
    )
    schema = {"setl_id": pl.String, "drug_fen": pl.Int64, "items_fen": pl.Int64}
    sums = pl.DataFrame([] if items is None else [("S1", drugs, items)], schema=schema, orient="row")
    found = covered(rows, sums, 1)
    return None if found.is_empty() else (found["amount_fen"][0], found["reason"][0])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"drugs": 1000, "items": 1000}, (400, None)),  # all drugs: the whole burden
        ({"drugs": 500, "items": 1000}, (200, None)),
        ({"drugs": 333, "items": 1000, "burden": 401}, (134, None)),  # 133.533
        ({"drugs": 1, "items": 1000, "burden": 500}, (1, None)),  # exactly half a fen
        ({"drugs": 0, "items": 1000}, (0, None)),
        ({"drugs": 500, "items": 1000, "burden": -10}, (0, None)),
        ({"drugs": 500, "items": 1001}, (200, None)),  # a fen of rounding: 199.8
        ({"drugs": 500, "items": 1002}, (None, OFF_TOTAL)),
        ({"drugs": None, "items": 1000}, (None, NO_KIND)),
        ({"drugs": None, "items": None}, (None, NO_ITEMS)),
        ({"drugs": 500, "items": 1000, "level": None}, (None, NO_LEVEL)),
        ({"drugs": 500, "items": 1000, "level": 0}, (200, None)),
        ({"drugs": 500, "items": 1000, "level": 2}, None),
    ],
)
def test_the_share_of_the_drugs(
    given: dict[str, Any], expected: tuple[int | None, str | None] | None
) -> None:
    assert amount(**given) == expected


def test_which_items_are_drugs() -> None:
    """The catalogue kind decides, then the kind of charge; a consumable is none."""
    rows = pl.DataFrame(
        [("S1", "101", None, 10), ("S1", None, "11", 20), ("S1", "301", "09", 40), ("S1", "201", None, 80),
         ("S2", None, None, 10)],
        schema={"setl_id": pl.String, "list_type": pl.String, "item_kind": pl.String, "tot_fen": pl.Int64},
        orient="row",
    )  # fmt: skip
    found = drug_sums(rows.lazy()).collect().sort("setl_id")
    assert found.rows() == [("S1", 30, 150), ("S2", None, 10)]


def test_from_files_to_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1: 100 at a health centre, all of it drugs: 60 left to the person, 60 covered. S2 at a county hospital, S3 of
    another illness, S4 before the first day, S5 an inpatient: not. S6: no items, held."""
    data = tmp_path / "data"
    shutil.copytree(ROOT / "data" / "reference", data / "reference")
    policies(data / "policies", "330305")
    monkeypatch.setattr(configuration, "DATA", data)
    home = Home(tmp_path / "home").ensure()

    def cost(number: str, day: str, kind: str = "11", level: str = "10") -> str:
        row = settlement(number, A, day, 100, 40, kind=kind)
        there = row.replace(",390,500243,H50024300001", ",390,330305,H33030500001")
        return there.replace(f"{kind},05,", f"{kind},{level},")

    costs = [cost("S1", "2024-03-01"), cost("S2", "2024-03-02", level="05"), cost("S3", "2024-03-03"),
             cost("S4", "2024-01-31"), cost("S5", "2024-03-05", kind="21"), cost("S6", "2024-03-06")]  # fmt: skip
    diagnoses = [
        f"V{n},1,{'J06' if n == 'S3' else 'I10.x00'},1" for n in ("S1", "S2", "S3", "S4", "S5", "S6")
    ]
    items = [f"{n},1,XA01,101,09,100.00,0.00,100.00" for n in ("S1", "S2", "S3", "S4", "S5")]
    files = [("cost.csv", HEADER, costs), ("roster.csv", ROSTER, [listed(B, "低保", "330305")]),
             ("diag.csv", "mdtrt_id,inout_diag_type,diag_code,maindiag_flag", diagnoses),
             ("items.csv", ITEMS, items)]  # fmt: skip
    deliver(home, [(written(tmp_path, n, head, rows), date(2025, 1, 5)) for n, head, rows in files])
    found = run(home, 2024, on=date(2025, 3, 1))
    assert found.warehouse is not None
    lines = table(
        found.warehouse,
        "select settlement_id, base_yuan, amount_yuan, status, article from mart.benefit_line where rule_id = 'W-16' "
        "order by 1",
    )
    assert lines.rows() == [("S1", 60, 60, "due", "三(三)"), ("S6", None, None, "held", "三(三)")]
    items_of = table(
        found.warehouse,
        "select i.settlement_id, i.base_yuan from mart.benefit_item i join mart.benefit_line using (benefit_id) "
        "where rule_id = 'W-16' order by 1",
    )
    assert items_of.rows() == [("S1", 60), ("S6", None)]
