"""Assistance through the whole job: the order and the cut of the files, and what a reversed settlement leaves behind."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stores.home import Home
from tests.support import deliver, run
from tests.test_assistance_flow import HEADER, LIST, M01, OPENING, REFERRAL, listed, settlement
from tests.test_order import ROSTER, A, B, written

TABLES = ("benefit_line", "review_case", "assistance_audit", "cap_gap", "person_year", "household_year")
WHENCE = ("file_id", "source_row", "sheet", "run_id")
FEW = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
PEOPLE = [listed(A, "低保"), listed(B, "低边")]
AWAY = settlement("S5", A, "2023-09-05", 40_000, 10_000, refl="").replace("H50024300001", "H51010700001")
COSTS = [
    settlement("S1", A, "2023-06-10", 50_000, 30_000),
    settlement("S2", A, "2023-07-10", 6_000, 3_000, kind="14", dise="M01"),
    settlement("S3", A, "2023-07-11", 90_000, 3_000, dise="M01", visit="V3"),
    settlement("S4", A, "2023-07-21", 60_000, 1_000, dise="M01", visit="V3"),
    AWAY,
    settlement("S6", B, "2023-08-01", 31_000, 2_000),
    settlement("S7", B, "2023-08-02", 9_000, 1_000, kind="11"),
]
FILES: dict[str, tuple[str, list[str]]] = {
    "cost.csv": (HEADER, COSTS),
    "roster.csv": (ROSTER, PEOPLE),
    "opening.csv": (
        OPENING,
        [f"{A},2023,特殊疾病,20000.00,2023-05-29", f"{B},2023,大额住院,50000.00,2023-05-29"],
    ),
    "referral.csv": (REFERRAL, [f"P{A},{A},VS5,,2023-09-01,2023-09-01,2023-12-31,1,1"]),
}


@pytest.fixture(autouse=True, scope="module")
def secret() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGDING_SECRET", "a secret of the tests")
        yield


def results(root: Path, files: Sequence[tuple[str, str, list[str]]]) -> dict[str, pl.DataFrame]:
    """Result tables of 2023 without where the rows came from."""
    home = Home(root / "home").ensure()
    home.reference.mkdir(exist_ok=True)
    (home.reference / "special_disease.csv").write_text(f"{LIST}\n{M01}", encoding="utf-8")
    paths = [(written(root, name, header, rows), date(2023, 9, 30)) for name, header, rows in files]
    deliver(home, paths)
    [folder] = run(home, 2023, on=date(2024, 3, 31)).assessed.values()
    found = {name: pl.read_parquet(path) for name in TABLES if (path := folder / f"{name}.parquet").exists()}
    shutil.rmtree(root)
    return {n: f.drop(WHENCE, strict=False).sort(pl.all(), nulls_last=True) for n, f in found.items()}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory, secret: None) -> dict[str, pl.DataFrame]:
    return results(tmp_path_factory.mktemp("usual"), [(n, h, rows) for n, (h, rows) in FILES.items()])


def test_the_delivery_means_what_it_should(usual: dict[str, pl.DataFrame]) -> None:
    """A: S1 80% of 20,000 = 16,000, R1 4,000: 2,400. S2 80% of 3,000 = 2,400 of the 80,000 left. The stay of S3 and S4:
    87,000 + 59,000 = 146,000: 116,800, held to 77,600; R1 68,400: 41,040, held to the 17,600 that are left. S5 referred,
    outside Chongqing: 80% of 30,000 = 24,000, tilt 0. B: S6 70% of 29,000 = 20,300, held to 10,000; R1 19,000: 11,400; S7
    8,000: 4,800.
    """
    lines = usual["benefit_line"].sort("rule_id", "settlement_id")
    assert lines.select("rule_id", "settlement_id", pl.col("amount_fen") // 100).rows() == [
        ("P-16", "S2", 2_400), ("P-16", "S4", 77_600),
        ("P-17", "S1", 16_000), ("P-17", "S5", 24_000), ("P-17", "S6", 10_000),
        ("P-24", "S1", 2_400), ("P-24", "S4", 17_600), ("P-24", "S5", 0), ("P-24", "S6", 11_400), ("P-24", "S7", 4_800),
    ]  # fmt: skip


def same(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> None:
    assert left.keys() == right.keys()
    for name, frame in left.items():
        assert frame.equals(right[name]), name


@FEW
@given(order=st.permutations(list(FILES)), cut=st.integers(0, len(COSTS)), rows=st.permutations(COSTS))
def test_any_order_any_cut(
    order: list[str],
    cut: int,
    rows: list[str],
    usual: dict[str, pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    files = [(name, *FILES[name]) for name in order if name != "cost.csv"]
    costs = [("cost-b.csv", HEADER, rows[cut:]), ("cost-a.csv", HEADER, rows[:cut])]
    same(results(tmp_path_factory.mktemp("cut"), [*costs[:1], *files, *costs[1:]]), usual)


UNDONE = st.tuples(
    st.sampled_from([A, B]),
    st.integers(1, 28),
    st.integers(1, 28),
    st.integers(1, 150_000),
    st.sampled_from(["21", "11", "14"]),
    st.sampled_from(["", "M01"]),
    st.sampled_from(["", "V3"]),
)


@FEW
@given(undone=st.lists(UNDONE, min_size=1, max_size=3))
def test_what_was_reversed_leaves_no_trace(
    undone: list[tuple[str, int, int, int, str, str, str]],
    usual: dict[str, pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whoever it was, whenever, however much, before or after other costs, within a stay or not: every result as before."""
    pairs = []
    for n, (who, day, back, pol, kind, dise, visit) in enumerate(undone):
        seen = {"kind": kind, "dise": dise, "visit": visit or f"VX{n}"}
        pairs.append(settlement(f"X{n}", who, f"2023-06-{day:02}", pol, pol // 3, **seen))
        pairs.append(settlement(f"Y{n}", who, f"2023-10-{back:02}", pol, pol // 3, init=f"X{n}", **seen))
    files = [(n, h, rows) for n, (h, rows) in FILES.items()]
    same(results(tmp_path_factory.mktemp("undone"), [*files, ("undone.csv", HEADER, pairs)]), usual)
