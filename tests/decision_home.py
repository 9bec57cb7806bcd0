"""A small home into which costs, rosters, decisions and ledgers come, as tests of decisions run it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl
import polars as pl

from flows.pipeline import Outcome
from stores.home import Home
from tests.support import deliver, run, table
from tests.test_order import ROSTER, SETTLEMENT, A, B, C, settlement, written

ON = date(2024, 3, 31)
HEADER = "对象类型,对象编号,费用年度,决定,取值,理由,决定人,决定日期,撤销日期"
LEDGER = "流水号,待遇编号,规则,对象编号,费用年度,金额,支付日期"
Files = dict[str, tuple[str, list[str]]]


def decided(
    kind: str,
    number: str,
    verdict: str,
    value: str = "",
    on: str = "2024-03-01",
    year: str = "2023",
    off: str = "",
) -> str:
    return f"{kind},{number},{year},{verdict},{value},已核实,李科长,{on},{off}"


class Bureau:
    """A small home: files come in with a date of receipt, then the year is run."""

    def __init__(self, root: Path, files: Files, lists: str = "L-04_330112_2023_给付名单.xlsx") -> None:
        self.folder, self.home, self.number, self.lists = root, Home(root / "home"), 0, lists
        for name, (header, rows) in files.items():
            self.receive(name, "2024-02-10", header, *rows)

    def receive(self, name: str, on: str, header: str, *rows: str) -> None:
        deliver(self.home, [(written(self.folder, name, header, rows), date.fromisoformat(on))])

    def decide(self, *rows: str, on: str = "2024-03-02", name: str = "") -> None:
        self.receive(name or f"decisions-{len(list(self.folder.glob('*.csv')))}.csv", on, HEADER, *rows)

    def run(self, on: date = ON) -> Outcome:
        self.number += 1
        return run(self.home, 2023, on=on, number=self.number, lists=True)

    def sql(self, text: str) -> pl.DataFrame:
        return table(self.home.warehouse / "fengding.duckdb", text)

    def decisions(self) -> list[tuple[str, str, bool, str | None]]:
        frame = self.sql(
            "select decision, status, stale, message_zh from mart.decision order by decided_on, source_row, file_id"
        )
        return frame.rows()  # type: ignore[return-value]  # rows are of unknown length

    def matters(self) -> list[str]:
        sheet = openpyxl.load_workbook(self.home.exports / "latest" / "今日须办.xlsx")["今日须办"]
        return [f"{row[0]}：{row[1]}" for row in sheet.iter_rows(min_row=2, values_only=True) if row[1]]

    def listed(self, sheet: str, name: str = "") -> list[tuple[object, object]]:
        """本次应付 and 备注 of the rows of a payment list."""
        book = openpyxl.load_workbook(self.home.exports / "latest" / (name or self.lists))
        heading, *rows = book[sheet].iter_rows(values_only=True)
        ended = [at for at, row in enumerate(rows) if row[0] == "合计"]
        due, remark = heading.index("本次应付"), heading.index("备注")
        return [
            (row[due], row[remark]) for row in rows[: ended[0] if ended else None] if isinstance(row[0], int)
        ]


INSTITUTIONS = "fixmedins_code,fixmedins_name,fix_blng_admdvs,fixmedins_type,hosp_lv,begntime,endtime"


def on_list(who: str, label: str, household: str, start: str, end: str = "") -> str:
    return f"330112,{household},{who},王某,{who},{label},{start},{end},民政,,,330112102"


def costs(number: str, who: str, on: str, psn: str, institution: str = "H33011200001") -> str:
    """One settlement at an institution."""
    row = settlement(number, who, on, psn)
    cells = row.split(",")
    cells[10] = institution
    return ",".join(cells)


BASE: dict[str, tuple[str, list[str]]] = {
    "costs.csv": (
        SETTLEMENT,
        [
            costs("S1", A, "2023-02-01", "32000.00"),
            costs("S2", A, "2023-02-02", "500.00", institution="H33011200009"),
            costs("T1", B, "2023-02-01", "20000.00"),
            costs("T2", B, "2023-08-01", "29000.00"),
            costs("U1", C, "2023-02-01", "40000.00"),
        ],
    ),
    "list.csv": (
        ROSTER,
        [
            on_list(A, "低保", "F1", "2022-01-01"),
            on_list(B, "低边", "F2", "2022-01-01", "2023-06-30"),
            on_list(B, "低保", "F2", "2023-07-01"),
            on_list(C, "低保", "F3", "2022-01-01"),
        ],
    ),
    "places.csv": (INSTITUTIONS, ["H33011200001,某医院,330112,1,05,2020-01-01,"]),
}


class County(Bureau):
    """Three households of Lin'an."""

    def __init__(self, root: Path) -> None:
        root.mkdir(exist_ok=True)
        super().__init__(root, BASE)

    def unit(self, number: str) -> dict[str, object]:
        """amount, status, needs_review of a unit."""
        rows = self.sql(
            f"select amount_yuan::double as amount, status, needs_review, confirmed from mart.cap_gap where unit_id = '{number}'"
        ).rows(named=True)
        assert len(rows) == 1, rows
        return rows[0]


def expect(county: County, unit: str, amount: float | None, status: str, review: bool = False) -> None:
    found = county.unit(unit)
    assert (found["amount"], found["status"], found["needs_review"]) == (amount, status, review)
