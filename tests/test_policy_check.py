"""`fengding check` shows what is wrong with a policy file, and a run refuses to start on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows import configuration
from flows.checking import findings
from flows.configuration import load_configuration
from stores.errors import OperatorError
from stores.home import Home

ROOT = Path(__file__).resolve().parents[1]
FIRST = """[[rule.parameter.version]]
effective_from = 2022-01-01
article = "一(二)第一款"
citation = "到2022年底……综合保障率达到80%以上"
value = "0.80"
"""
FAULTS = {
    "a value without its article": (FIRST.replace('article = "一(二)第一款"\n', ""), "article:缺少此项"),
    "a value without its citation": (FIRST.replace("citation", "# citation"), "citation:缺少此项"),
    "an empty article": (FIRST.replace("一(二)第一款", ""), "article:不能为空"),
    "versions that overlap": (
        FIRST.replace("2022-01-01", "2022-01-01\neffective_to = 2025-12-31"),
        "2025-01-01 的版本与前一版本(至 2025-12-31)重叠",
    ),
    "two versions of one day": (FIRST.replace("2022-01-01", "2025-01-01"), "重叠或次序颠倒"),
    "a gap between versions": (
        FIRST.replace("2022-01-01", "2022-01-01\neffective_to = 2023-12-31"),
        "2023-12-31 与 2025-01-01 之间有空档",
    ),
    "a ratio as a float": (FIRST.replace('"0.80"', "0.80"), "写法不合"),
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped policies and reference tables, to be spoilt."""
    for name in ("policies", "reference", "layouts"):
        shutil.copytree(ROOT / "data" / name, tmp_path / "data" / name)
    monkeypatch.setattr(configuration, "DATA", tmp_path / "data")
    return tmp_path / "data"


def shown(home: Path) -> tuple[str, str]:
    """State and message of the check of the policy files."""
    [found] = [each for each in findings(home) if each["what"] == "政策文件"]
    return found["state"], found["message"]


def test_sound_files_are_listed(data: Path, tmp_path: Path) -> None:
    state, message = shown(tmp_path / "home")
    assert state == "ok"
    assert all(
        number in message for number in ("浙政办发〔2022〕42号", "临政办〔2024〕1号", "温政办〔2023〕90号")
    )


@pytest.mark.parametrize(("spoilt", "message"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_shown_with_file_rule_and_parameter(
    data: Path, tmp_path: Path, spoilt: str, message: str
) -> None:
    path = data / "policies" / "zhejiang.toml"
    text = path.read_text(encoding="utf-8")
    assert FIRST in text
    path.write_text(text.replace(FIRST, spoilt), encoding="utf-8")
    state, told = shown(tmp_path / "home")
    assert state == "error"
    assert message in told and "zhejiang.toml" in told and "Z-03" in told and "target" in told
    with pytest.raises(OperatorError, match="配置有错误"):
        load_configuration(Home(tmp_path / "home"), None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('value = ["TEKUN", "DIBAO", "DIBIAN", "LINSHI"]', 'value = ["TEKUN", "NOBODY"]'),
        (
            'categories = ["TEKUN", "DIBAO", "DIBIAN", "ZHICHU", "QITA_TK", "LINSHI", "YINBING"]',
            'categories = ["TEKUN", "NOBODY"]',
        ),
    ],
    ids=["in a list", "of a rule"],
)
def test_an_unknown_category_is_shown(data: Path, tmp_path: Path, old: str, new: str) -> None:
    path = data / "policies" / "zhejiang.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    state, told = shown(tmp_path / "home")
    assert state == "error" and "未知的类别 NOBODY" in told and "zhejiang.toml" in told


def test_a_category_of_the_home_is_known(data: Path, tmp_path: Path) -> None:
    """A region's own category stands in its reference folder; policies may name it then."""
    path = data / "policies" / "zhejiang.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace('"QITA_TK", "LINSHI", "YINBING"]', '"QITA_TK", "LINSHI", "YUMIN"]'), encoding="utf-8"
    )
    assert shown(tmp_path / "home")[0] == "error"
    home = Home(tmp_path / "home").ensure()
    home.reference.mkdir(exist_ok=True)
    rows = "code,rank,name_zh,name_en,source\nYUMIN,16,困难渔民,Fisher in hardship,测试\n"
    (home.reference / "category.csv").write_text(rows, encoding="utf-8")
    assert shown(home.root)[0] == "ok"
