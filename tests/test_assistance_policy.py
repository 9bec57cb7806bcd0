"""A county with other figures is another policy file; readings and figures come from it, and a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from schemas.assistance import Assistance, assistances
from schemas.policy import PolicyError, load_policies
from tests.assistance_run import DATA, pengshui, run

TERRITORY = "519999"
OTHER = {
    'id = "P"\n': 'id = "Q"\n',
    "P-": "Q-",
    '"500243"': f'"{TERRITORY}"',
    'value = "30000"': 'value = "20000"',
    'value = "60000"': 'value = "5000"',
    'TEKUN = "0.80", DIBAO = "0.80"': 'TEKUN = "0.90", DIBAO = "0.85"',
    'TEKUN = "3000", DIBAO = "4000"': 'TEKUN = "1000", DIBAO = "2000"',
    'value = "0.60"': 'value = "0.50"',
    'value = ["500000"]': 'value = ["510000"]',
    "value = 2\n": "value = 3\n",
}
"""An invented county beside the document's: text of its file → what stands there instead."""


def invented(folder: Path, **more: str) -> Assistance:
    """The document's file with the figures of the invented county."""
    text = (DATA / "policies" / "pengshui.toml").read_text(encoding="utf-8")
    text = text.replace("A-P", "A~").replace('operator = ">"', 'operator = ">="')
    for old, new in OTHER.items():
        assert old in text, old
        text = text.replace(old, new)
    text = text.replace("A~", "A-P")
    for key, letter in more.items():
        head, _, tail = text.partition(f'key = "{key.replace("_", "-")}"')
        text = (
            head
            + f'key = "{key.replace("_", "-")}"'
            + tail.replace('default = "a"', f'default = "{letter}"', 1)
        )
    (folder / "invented.toml").write_text(text, encoding="utf-8")
    (found,) = assistances(load_policies(folder), [TERRITORY, "330112"], 2023)
    return found


CASE = {
    "certificates": [
        {"person": "A", "code": "TEKUN", "from": "2020-01-01", "county": TERRITORY},
        {"person": "B", "code": "TEKUN", "from": "2020-01-01", "county": "330112"},
    ],
    "settlements": [
        {"setl_id": name, "person": who, "date": day, "pol": "20000", "bas": "16000", "level": level,
         "institution": "H51010700001", "insured": TERRITORY}
        for name, who, day, level in (("S1", "A", "2023-06-01", "04"), ("S2", "A", "2023-06-02", "05"),
                                      ("S3", "A", "2023-06-03", "01"), ("S4", "B", "2023-06-01", "01"))
    ],
    "list": [{"region": TERRITORY, "code": "X", "class": "special"}],
}  # fmt: skip


def test_another_county_is_another_file(tmp_path: Path) -> None:
    """Gate 20,000 included, level three, 90% of 4,000 = 3,600 of 5,000 a year; then 1,400. Tilt 50% from 1,000 on.

    S1: R1 400. S2 level two: no assistance, R1 4,000: 2,000. S3: 1,400 left, R1 2,600: 1,300. B lives elsewhere.
    """
    lines = run(CASE, rules=invented(tmp_path)).lines
    found = lines.select("rule_id", "settlement_id", "amount_fen").rows()
    assert found == [
        ("Q-17", "S1", 360_000), ("Q-17", "S3", 140_000), ("Q-24", "S2", 200_000), ("Q-24", "S3", 130_000),
    ]  # fmt: skip
    assert set(lines["policy_version"]) == {"Q@2023-05-30"}


def test_a_reading_is_a_line_of_the_file(tmp_path: Path) -> None:
    """A-P01 b: 50% of 4,000 − 1,000 = 1,500 and of 2,600 − 1,000 = 800."""
    outcome = run(CASE, rules=invented(tmp_path, A_P01="b"))
    tilt = outcome.lines.filter(pl.col("rule_id") == "Q-24")
    assert tilt["amount_fen"].to_list() == [150_000, 80_000]
    shown = outcome.cases.filter(pl.col("reading_key") == "A-P01").select("reading", "amount_fen").rows()
    assert sorted(shown) == [("a", 130_000), ("a", 200_000)]


def test_a_reading_that_is_not_computed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="A-P28=b"):
        invented(tmp_path, A_P28="b")


def test_no_county_no_rules() -> None:
    from tests.assistance_run import shipped_policies

    assert assistances(shipped_policies(), ["330112", "330324"], 2023) == []
    assert assistances(shipped_policies(), ["500243"], 2022) == []


def test_the_figures_are_the_documents() -> None:
    (terms,) = pengshui().terms
    assert (terms.special_limit_fen, terms.inpatient_limit_fen, terms.tilt_limit_fen) == (
        10_000_000,
        6_000_000,
        2_000_000,
    )
    assert (terms.gate_fen, terms.min_level, terms.inside, terms.deductible_fen) == (
        3_000_000,
        2,
        ("500000",),
        0,
    )
    assert pengshui().rules["tilt"].inclusive and not pengshui().rules["assistance_inpatient"].inclusive


def test_figures_change_within_the_year(tmp_path: Path) -> None:
    """From 2023-07-01 the limit of the account is 100: what was used before counts against it."""
    text = (DATA / "policies" / "pengshui.toml").read_text(encoding="utf-8")
    later = """
[[rule.parameter.version]]
effective_from = 2023-07-01
in_force = 2023-07-01
article = "虚构"
citation = "虚构:年度救助限额1000元"
value = "1000"
"""
    text = text.replace(
        'citation = "年度救助限额10万元"\nvalue = "100000"\n',
        f'citation = "年度救助限额10万元"\nvalue = "100000"\n{later}',
    )
    (tmp_path / "pengshui.toml").write_text(text, encoding="utf-8")
    (rules,) = assistances(load_policies(tmp_path), ["500243"], 2023)
    costs = [
        {"setl_id": f"S{n}", "person": "A", "date": day, "dise": "M01", "pol": "1000"}
        for n, day in enumerate(("2023-06-30", "2023-07-01", "2023-07-02"))
    ]
    lines = run(
        {"settlements": costs, "certificates": [{"person": "A", "code": "DIBAO", "from": "2020-01-01"}]},
        rules=rules,
    ).lines
    assert lines["amount_fen"].to_list() == [80_000, 20_000, 0]
    assert lines["policy_version"].to_list() == ["P@2023-05-30", "P@2023-07-01", "P@2023-07-01"]
