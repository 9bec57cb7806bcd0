"""Who may send which identity: P-30 in Pengshui, civil affairs for Lin'an's certificates, nobody named elsewhere."""

from pathlib import Path

import pytest

from schemas.policy import load_policies
from schemas.reference import load_reference
from schemas.senders import Senders, senders

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture(scope="module")
def allowed() -> Senders:
    return senders(load_policies(DATA / "policies"), load_reference(DATA / "reference", None))


@pytest.mark.parametrize(
    ("region", "wording", "departments"),
    [
        ("500243", "特困人员", {"民政"}),
        ("500243", "孤儿", {"民政"}),  # 特困 in Pengshui
        ("500243", "监测户", {"乡村振兴"}),
        ("500243", "在乡重点优抚对象（不含1—6级残疾军人）", {"退役军人"}),
        ("500243", "城乡重度(一、二级)残疾人员", {"残联"}),
        ("500243", "支出型低边", {"民政"}),  # 低边 has a sender, 支出型 has none
        ("500243", "困难职工", None),
        ("500243", "没见过的用语", None),
        ("330112", "低保", {"民政"}),
        ("330112005", "低边", {"民政"}),  # a township of Lin'an
        ("330112", "孤儿", None),
        ("330112", "重度残疾人", None),
        ("330324", "相对低收入家庭第二类对象", {"民政"}),
        ("330324", "低保", None),  # Wenzhou's document names only its own class
        ("110101", "低保", None),
    ],
)
def test_departments(allowed: Senders, region: str, wording: str, departments: set[str] | None) -> None:
    found = allowed(region, wording)
    assert found == (None if departments is None else frozenset(departments))
