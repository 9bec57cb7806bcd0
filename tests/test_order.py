"""The results do not depend on how the files came: their order of arrival, their cut, a second delivery.

The small delivery below holds what makes order matter: a newer version, an exact copy, refunds before and after their
original and in the next year, an unlinked negative row, a cumulative payment list, complete roster lists, a person
whose papers arrive late.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stores.home import Home
from tests.support import deliver as ingest
from tests.support import run

SETTLEMENT = (
    "setl_id,mdtrt_id,init_setl_id,psn_no,psn_name,psn_cert_type,certno,gend,insutype,insu_admdvs,fixmedins_code,"
    "fixmedins_name,setl_time,med_type,medfee_sumamt,fulamt_ownpay_amt,overlmt_selfpay,preselfpay_amt,inscp_amt,"
    "hifp_pay,fund_pay_sumamt,psn_pay,acct_pay,cash_payamt,refd_setl_flag,vali_flag,updt_time"
)
ROSTER = "区划代码,家庭编号,户主身份证号,姓名,身份证号,救助身份,生效日期,失效日期,认定部门,名单类型,名单月份,乡镇街道代码"
PAYMENT = "流水号,身份证号,结算ID,待遇类别,金额,支付日期,费用年度,支付单位,说明"
A, B, C = "330199196001010016", "330199196202020027", "330199198803030038"
"""Three invented people with numbers in form; no such area code exists."""


def settlement(
    number: str,
    who: str,
    on: str,
    psn: str,
    *,
    init: str = "",
    updated: str = "",
    flag: str = "0",
    certno: bool = True,
) -> str:
    """One row, half of the cost borne by the person, the other half by the fund."""
    total = f"{float(psn) * 2:.2f}"
    return (
        f"{number},V{number},{init},N{who[6:14]},王某,01,{who if certno else ''},1,390,330112,H33011200001,某医院,"
        f"{on} 10:00:00,11,{total},0,0,0,{total},{psn},{psn},{psn},0,{psn},{flag},1,{updated}"
    )


def listed(who: str, month: str, label: str, household: str = "F1") -> str:
    return f"330112,{household},{A},王某,{who},{label},2022-01-01,,民政,在册,{month},330112102"


DELIVERY: dict[str, tuple[str, str, list[str]]] = {
    "january.csv": (
        "2023-02-02",
        SETTLEMENT,
        [
            settlement("S1", A, "2023-01-05", "20000.00"),
            settlement("S2", A, "2023-01-06", "12000.50", updated="2023-01-06 11:00:00"),
            settlement("S3", B, "2023-01-07", "700.00", flag="1"),
            settlement("S4", B, "2023-01-08", "80.00"),
            settlement("S5", C, "2023-01-09", "55.00", certno=False),
        ],
    ),
    "february.csv": (
        "2023-03-02",
        SETTLEMENT,
        [
            settlement("S1", A, "2023-01-05", "20000.00"),
            settlement("S2", A, "2023-01-06", "13000.50", updated="2023-02-06 11:00:00"),
            settlement("S6", B, "2023-02-08", "-80.00"),
            settlement("S9", A, "2023-02-10", "-300.00", init="S8"),
        ],
    ),
    "march.csv": (
        "2023-04-02",
        SETTLEMENT,
        [settlement("S8", A, "2023-02-01", "1000.00"), settlement("S10", C, "2023-03-01", "500.25")],
    ),
    "next-year.csv": (
        "2024-02-02",
        SETTLEMENT,
        [
            settlement("S11", B, "2024-01-10", "-700.00", init="S3", flag="1"),
            settlement("S12", C, "2024-01-11", "9.00"),
        ],
    ),
    "list-01.csv": ("2023-01-05", ROSTER, [listed(A, "202301", "低保"), listed(B, "202301", "低保")]),
    "list-02.csv": ("2023-02-05", ROSTER, [listed(A, "202302", "低保"), listed(B, "202302", "低保", "F2")]),
    "list-03.csv": ("2023-03-05", ROSTER, [listed(A, "202303", "低保"), listed(C, "202303", "低边", "F3")]),
    "paid-02.csv": ("2023-03-10", PAYMENT, [f",{A},,慈善,500.00,2023-02-20,2023,慈善总会,医疗"]),
    "paid-03.csv": (
        "2023-04-10",
        PAYMENT,
        [
            f",{A},,慈善,500.00,2023-02-20,2023,慈善总会,医疗",
            f",{A},,慈善,500.00,2023-02-20,2023,慈善总会,医疗",
            f"L7,{A},S2,惠民保,1000.00,2023-03-20,2023,保险公司,",
        ],
    ),
}
WHENCE = ("file_id", "source_row", "sheet", "incomplete_reason")
TABLES = (
    "person_year",
    "household_year",
    "cap_gap",
    "benefit_line",
    "benefit_item",
    "review_case",
    "payment",
)


def written(folder: Path, name: str, header: str, rows: Sequence[str]) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def results(home: Home, year: int) -> dict[str, pl.DataFrame]:
    """All results of a year but for where the rows came from, in a fixed order."""
    [folder] = run(home, year).assessed.values()
    tables = {name: pl.read_parquet(path) for name in TABLES if (path := folder / f"{name}.parquet").exists()}
    tables["reconciliation"] = pl.read_parquet(folder / "reconciliation.parquet").filter(stage="person_year")
    return {
        name: frame.drop(WHENCE, strict=False).sort(pl.all(), nulls_last=True)
        for name, frame in tables.items()
    }


def outcome(root: Path, files: Sequence[tuple[Path, date]]) -> dict[str, pl.DataFrame]:
    home = Home(root)
    ingest(home, files)
    both = {year: results(home, year) for year in (2023, 2024)}
    return {f"{year}.{name}": frame for year, found in both.items() for name, frame in found.items()}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory, secret: None) -> dict[str, pl.DataFrame]:
    folder = tmp_path_factory.mktemp("usual")
    files = [
        (written(folder, name, header, rows), date.fromisoformat(on))
        for name, (on, header, rows) in DELIVERY.items()
    ]
    return outcome(folder / "home", files)


@pytest.fixture(scope="module")
def secret() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGDING_SECRET", "a secret of the tests")
        yield


def same(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> None:
    assert left.keys() == right.keys()
    for name, frame in left.items():
        assert frame.equals(right[name]), name


def test_the_delivery_means_what_it_should(usual: dict[str, pl.DataFrame]) -> None:
    """A bears 20,000 + 13,000.50 − 1,000 (S2) + (1,000 − 300) (S8) − 2 × 500 = 31,700.50; B's costs were all undone."""
    persons = usual["2023.person_year"].sort("burden_fen")
    assert persons["burden_fen"].to_list() == [0, 55_525, 3_170_050]
    gap = usual["2023.cap_gap"].filter(pl.col("gap_fen") > 0)
    assert gap["gap_fen"].to_list() == [170_050]


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=st.permutations(list(DELIVERY)), data=st.data())
def test_any_order_any_cut_twice(
    order: list[str],
    data: st.DataObject,
    usual: dict[str, pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    files: list[tuple[Path, date]] = []
    for name in order:
        on, header, rows = DELIVERY[name]
        cut = data.draw(st.integers(1, len(rows))) if not name.startswith("paid") else len(rows)
        for part, chosen in enumerate((rows[:cut], rows[cut:])):
            if chosen:
                files.append((written(folder, f"{part}-{name}", header, chosen), date.fromisoformat(on)))
    again = data.draw(st.sampled_from(files))
    same(outcome(folder / "home", [*files, again]), usual)
    shutil.rmtree(folder)


def test_one_years_files_after_the_next(usual: dict[str, pl.DataFrame], tmp_path: Path, secret: None) -> None:
    """2024 arrives and is assessed first; what comes later for 2023 gives what it would have given at once."""
    order = sorted(DELIVERY, key=lambda name: name != "next-year.csv")
    files = [
        (written(tmp_path, name, DELIVERY[name][1], DELIVERY[name][2]), date.fromisoformat(DELIVERY[name][0]))
        for name in order
    ]
    home = Home(tmp_path / "home")
    ingest(home, files[:1])
    run(home, 2024)
    ingest(home, files[1:])
    both = {year: results(home, year) for year in (2023, 2024)}
    same({f"{year}.{name}": frame for year, found in both.items() for name, frame in found.items()}, usual)


def test_rows_are_csv() -> None:
    """The rows above have as many cells as their headers."""
    for _, header, rows in DELIVERY.values():
        widths = {len(row) for row in csv.reader(io.StringIO("\n".join([header, *rows])))}
        assert len(widths) == 1
