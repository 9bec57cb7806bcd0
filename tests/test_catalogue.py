"""The catalogue of rules is whole, names only what is there, and its printed form is in step."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import DOCUMENT, Row, document_text, expected_ids, faults, proof_exists, rows
from schemas.policy import Policies, load_policies

ROOT = Path(__file__).resolve().parents[1]
LIST = Path("/work/shared/reference/policy_rules.md")


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(ROOT / "data" / "policies")


@pytest.fixture(scope="module")
def entries() -> list[Row]:
    return rows()


def test_every_row_is_there_and_names_only_what_is_there(entries: list[Row], policies: Policies) -> None:
    assert faults(entries, policies) == []


def test_the_printed_catalogue_is_in_step(entries: list[Row], policies: Policies) -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document_text(entries, policies), (
        "python -m schemas.catalogue"
    )


def test_it_counts_what_the_documents_give(policies: Policies) -> None:
    """10 conventions, 29 + 28 + 21 + 40 rules, 9 indicators, 84 entries of the register; every policy rule among them."""
    assert len(expected_ids()) == 10 + 29 + 28 + 21 + 40 + 9 + 84
    assert set(policies.rules) | set(policies.readings) <= set(expected_ids())


#: Rules that pay or withhold money: each is proven by worked cases, not by tests alone.
MONEY = (
    *(f"L-{n:02}" for n in (1, 2, 3, 4, 5, 6, 8, 13)),
    *("W-01", "W-05", "W-06"),
    *(f"P-{n:02}" for n in (*range(1, 11), *range(12, 27), 40)),
)
EXCEPT = {"W-16", "P-11", "P-39"}
"""Configured off, compared only, by decision only: proven by tests."""


@pytest.mark.parametrize("name", MONEY)
def test_what_pays_or_withholds_has_worked_cases(entries: list[Row], name: str) -> None:
    [entry] = [each for each in entries if each.id == name]
    assert entry.state in ("built", "input")
    assert [proof for proof in entry.proofs if proof.startswith("tests/cases/")], name


def test_every_rule_that_gives_a_benefit_is_among_them(policies: Policies) -> None:
    kinds = {
        "household_cap",
        "household_relief",
        "premium_subsidy",
        "premium_subsidy_tier2",
        "assistance_special",
    }
    kinds |= {"assistance_inpatient", "tilt", "full_drug_cover", "critical_illness_tilt"}
    giving = {rule.id for rule in policies.rules.values() if rule.rule.kind in kinds}
    assert giving <= set(MONEY) | EXCEPT


def first(entries: list[Row], name: str, **changes: Any) -> list[Row]:
    return [replace(entry, **changes) if entry.id == name else entry for entry in entries]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"code": ("transforms/rules/nothing.py",)}, "没有 transforms/rules/nothing.py"),
        ({"tables": ("nothing",)}, "没有 mart.nothing"),
        ({"proofs": ("tests/test_nothing.py",)}, "没有 tests/test_nothing.py"),
        ({"proofs": ("tests/test_policy.py::test_nothing",)}, "没有 tests/test_policy.py::test_nothing"),
        ({"proofs": ("tests/cases/L-99",)}, "没有 tests/cases/L-99"),
        ({"proofs": ()}, "须写明程序和证明"),
        ({"state": "off"}, "须写明原因"),
        ({"state": "done"}, "不认识状态 done"),
        ({"says_zh": ""}, "不能为空"),
        ({"article": "三(一)"}, "条款 三(一) 与政策文件的 二(三) 不同"),
        ({"id": "L-99"}, "目录缺 L-04"),
    ],
)
def test_what_is_a_fault(
    entries: list[Row], policies: Policies, changes: dict[str, Any], message: str
) -> None:
    found = faults(first(entries, "L-04", **changes), policies)
    assert any(message in fault for fault in found), found


def test_a_row_less_or_twice_is_a_fault(entries: list[Row], policies: Policies) -> None:
    assert faults(entries[1:], policies) == [f"目录缺 {entries[0].id}"]
    assert faults([*entries, entries[0]], policies) == [f"{entries[0].id} 重复"]


def test_a_proof_may_be_one_test() -> None:
    assert proof_exists("tests/test_catalogue.py::test_a_proof_may_be_one_test")
    assert not proof_exists("tests/cases/nothing")


@pytest.mark.skipif(not LIST.exists(), reason="the list of rules is not on this machine")
def test_it_is_the_list_of_rules() -> None:
    """Rules and indicators stand first in a row of a table of that list, register entries in bold or plain."""
    text = LIST.read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| \**((?:X|Z|L|W|P|A-[XPLWZ])-?\d\d|IND-\d)\** \|", text, re.MULTILINE))
    named = set(re.findall(r"\bA-[XPLWZ]\d\d\b", text))
    ours = set(expected_ids())
    assert listed <= ours
    assert named <= ours
    assert {name for name in ours if not name.startswith("A-")} <= listed
