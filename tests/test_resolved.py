"""What counts as a settlement: scope, reversals, refunds, corrections, and that every row ends in one state."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import core
from tests.core_frames import REJECTS, delivered, settlement, table
from transforms import places, resolved
from transforms.identity import LINKS

FILES = delivered(FA=date(2023, 6, 5), FB=date(2023, 7, 5), FC=date(2024, 2, 5))
ALIAS = pl.DataFrame([("330185", "330112", "insured", None, None)], schema=places.ALIAS, orient="row")
LATER = datetime(2023, 5, 20, 10)


def resolve(rows: list[dict[str, Any]], year: int = 2023, **more: Any) -> resolved.Resolved:
    rejected = pl.DataFrame(more.pop("rejected", []), schema=REJECTS)
    return resolved.resolve(
        more.pop("frame", table("setl_d", rows)).lazy(),
        rejected.lazy(),
        FILES,
        more.pop("links", LINKS.to_frame()),
        ALIAS,
        core.empty("fixmedins_b").lazy(),
        year,
    )


def outcome(
    rows: list[dict[str, Any]], year: int = 2023, **more: Any
) -> tuple[dict[str, int], dict[str, str]]:
    """(counted setl_id → total in yuan, uncounted setl_id → state: reason); checks the reconciliation."""
    result = resolve(rows, year, **more)
    counted = result.counted.collect()
    balanced(result, table("setl_d", rows).filter(pl.col("cost_year") == year), counted)
    totals = {row["setl_id"]: row["tot_fen"] // 100 for row in counted.iter_rows(named=True)}
    lost = {
        row["setl_id"]: f"{row['state']}: {row['reason']}" for row in result.uncounted.iter_rows(named=True)
    }
    assert result.uncounted["reason_zh"].null_count() == 0
    assert not set(totals) & set(lost)
    return totals, lost


def balanced(result: resolved.Resolved, delivered_rows: pl.DataFrame, counted: pl.DataFrame) -> None:
    """Every row and fen of the year's parts is in exactly one state."""
    for name, total in {"rows": delivered_rows.height, "tot": delivered_rows["tot_fen"].sum(),
                        "psn": delivered_rows["psn_fen"].sum(), "cash": delivered_rows["cash_fen"].sum()}.items():  # fmt: skip
        assert result.counts[name].sum() == total, name
    kept = result.counts.filter(pl.col("state") == "counted")
    assert kept["rows"].sum() == counted.height
    assert kept["tot"].sum() == counted["tot_fen"].sum()
    assert kept["psn"].sum() == counted["psn_fen"].sum()


def troubled(result: resolved.Resolved) -> list[tuple[int | None, str | None, int | None, str]]:
    return sorted(result.troubles.select("person_key", "setl_id", "cost_year", "reason").rows(), key=str)


def refund(setl_id: str, of: str | None, tot: int, psn: int | None = None, **more: Any) -> dict[str, Any]:
    return settlement(setl_id, tot, psn, **{"init_setl_id": of, "refd_flag": "1", "at": LATER, **more})


# --- scope ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"vali_flag": "0"}, "out_of_scope: invalid"),
        ({"vali_flag": "2"}, "out_of_scope: invalid"),
        ({"out_flag": "2"}, "out_of_scope: seen_from_treatment_place"),
        ({"insutype": "410"}, "out_of_scope: scheme_out_of_scope"),
        ({"insutype": "510"}, "out_of_scope: scheme_out_of_scope"),
        *(({"insutype": code}, "layer: layer_of_another")
          for code in ("320", "330", "370", "392", "39201", "610", "610101")),
    ],
)  # fmt: skip
def test_rows_that_are_no_settlement_of_ours(change: dict[str, str], state: str) -> None:
    assert outcome([settlement("S1", 1000, **change)]) == ({}, {"S1": state})


@pytest.mark.parametrize(
    "change",
    [
        {"vali_flag": None}, {"out_flag": "0"}, {"out_flag": "1"}, {"mid_flag": "1"},
        {"med_type": "51"}, {"med_type": "52", "insutype": "310"},
        *({"insutype": code} for code in ("310", "390", "380", "391", "340", "350", "360", "399")),
    ],
)  # fmt: skip
def test_rows_that_count(change: dict[str, str | None]) -> None:
    result = resolve([settlement("S1", 1000, **change)])
    assert result.counted.collect()["setl_id"].to_list() == ["S1"]
    assert result.findings.is_empty()


def test_an_unknown_scheme_counts_with_a_finding() -> None:
    result = resolve([settlement("S1", 1000, insutype="A")])
    assert result.counted.collect().height == 1
    assert result.findings.select("rule", "rows", "tot_fen").rows() == [("unknown_scheme", 1, 100000)]


def test_an_insured_region_in_no_table_is_a_finding_with_rows_and_yuan() -> None:
    """An alias, a region and what lies below one are known; 999999 is not."""
    codes = ["330112", "330185", "330112006", "999999", "999999"]
    rows = [settlement(f"S{n}", 1000, insu_admdvs=code) for n, code in enumerate(codes)]
    regions = pl.DataFrame({"code": ["330112", "330100"]})
    result = resolved.resolve(
        table("setl_d", rows).lazy(), pl.DataFrame(schema=REJECTS).lazy(), FILES, LINKS.to_frame(), ALIAS,
        core.empty("fixmedins_b").lazy(), 2023, regions,
    )  # fmt: skip
    assert result.counted.collect().height == 5
    assert result.findings.select("rule", "rows", "tot_fen").rows() == [("unknown_region", 2, 200000)]
    assert "999999" in result.findings["message_zh"][0]


# --- linked refunds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["0", "1", "2"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_full_refund_leaves_no_trace(flag: str, sign: int) -> None:
    rows = [settlement("S1", 1000, refd_flag=flag), refund("R1", "S1", sign * 1000, sign * 500)]
    assert outcome(rows) == ({}, {"S1": "reversed: full_refund", "R1": "reversed: full_refund"})
    assert resolve(rows).troubles.is_empty()


@pytest.mark.parametrize("flag", ["0", "1"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_smaller_refund_is_taken_off(flag: str, sign: int) -> None:
    """Total 1,000; refund −300: 700 counts (semantics §2)."""
    rows = [settlement("S1", 1000, 500, refd_flag=flag), refund("R1", "S1", sign * 300, sign * 100)]
    assert outcome(rows) == ({"S1": 700}, {"R1": "refund: partial_refund"})
    row = resolve(rows).counted.collect().row(0, named=True)
    assert (row["psn_fen"], row["cash_fen"], row["fund_fen"], row["pol_fen"]) == (40000, 40000, 30000, 70000)
    assert (row["partial_refund_fen"], row["setl_time"]) == (-30000, datetime(2023, 5, 10, 9, 30))
    assert resolve(rows).troubles.is_empty()


def test_several_refunds_are_added_up_first() -> None:
    """−300 and −400 leave 300; −300, −400 and (positive, negated) 300 make it whole."""
    rows = [settlement("S1", 1000), refund("R1", "S1", -300), refund("R2", "S1", -400)]
    assert outcome(rows)[0] == {"S1": 300}
    assert outcome([*rows, refund("R3", "S1", 300)])[0] == {}


def test_a_larger_refund_lists_both_and_touches_both_years() -> None:
    rows = [settlement("S1", 1000), refund("R1", "S1", -1200, at=datetime(2024, 1, 3))]
    why = "listed: refund_larger_than_original"
    assert outcome(rows) == ({}, {"S1": why})
    assert outcome(rows, 2024) == ({}, {"R1": why})
    reason = "refund_larger_than_original"
    assert troubled(resolve(rows)) == [(1, "R1", 2023, reason), (1, "S1", 2023, reason)]
    assert troubled(resolve(rows, 2024)) == [(1, "R1", 2024, reason), (1, "S1", 2024, reason)]


def test_a_refund_of_next_year_changes_the_year_of_its_original() -> None:
    rows = [settlement("S1", 1000), refund("R1", "S1", -300, at=datetime(2024, 1, 3), file_id="FC")]
    assert outcome(rows) == ({"S1": 700}, {})
    assert outcome(rows, 2024) == ({}, {"R1": "refund: partial_refund"})
    assert resolve(rows).troubles.is_empty() and resolve(rows, 2024).troubles.is_empty()


def test_a_flagged_original_without_its_refund_is_half_missing() -> None:
    for flag in ("1", "2"):
        rows = [settlement("S1", 1000, refd_flag=flag)]
        assert outcome(rows) == ({}, {"S1": "half_missing: refund_row_missing"})
        assert troubled(resolve(rows)) == [(1, "S1", 2023, "refund_row_missing")]


def test_a_refund_without_its_original_is_listed_in_its_own_year() -> None:
    rows = [refund("R1", "S0", -300)]
    assert outcome(rows) == ({}, {"R1": "listed: refund_without_original"})
    assert troubled(resolve(rows)) == [(1, "R1", 2023, "refund_without_original")]


def test_a_refund_of_a_refund_and_of_itself_are_listed() -> None:
    rows = [
        settlement("S1", 1000),
        refund("R1", "S1", -1000),
        refund("R2", "R1", 1000),
        refund("R3", "R3", -5),
    ]
    assert outcome(rows)[1] == {
        "S1": "reversed: full_refund", "R1": "reversed: full_refund",
        "R2": "listed: refund_of_refund", "R3": "listed: refund_of_refund",
    }  # fmt: skip


def test_a_refund_of_a_row_out_of_scope_goes_with_it() -> None:
    rows = [settlement("S1", 1000, out_flag="2"), refund("R1", "S1", -1000)]
    assert outcome(rows)[1] == {
        "S1": "out_of_scope: seen_from_treatment_place",
        "R1": "out_of_scope: refund_of_uncounted",
    }
    assert resolve(rows).troubles.is_empty()


def test_an_unknown_amount_stays_unknown_unless_the_refund_balances_without_it() -> None:
    """oth unknown on the original; maf unknown on the refund, whose fund parts sum up (D holds): 0 there."""
    rows = [settlement("S1", 1000, oth_fen=None), refund("R1", "S1", -300, maf_fen=None, form_d="ok")]
    row = resolve(rows).counted.collect().row(0, named=True)
    assert (row["oth_fen"], row["maf_fen"], row["tot_fen"]) == (None, 0, 70000)
    rows = [settlement("S1", 1000), refund("R1", "S1", -300, maf_fen=None, pol_fen=None, form_d=None)]
    row = resolve(rows).counted.collect().row(0, named=True)
    assert (row["maf_fen"], row["pol_fen"]) == (None, None)


# --- unlinked negative rows -------------------------------------------------------------------------------------


def test_an_unlinked_negative_row_pairs_with_the_only_candidate() -> None:
    rows = [settlement("S1", 1000), refund("N1", None, -1000)]
    assert outcome(rows) == ({}, {"S1": "reversed: unlinked_pair", "N1": "reversed: unlinked_pair"})
    partner = dict(resolve(rows).uncounted.select("setl_id", "partner_id").rows())
    assert partner == {"S1": "N1", "N1": "S1"}


def test_a_flagged_original_is_reversed_by_an_unlinked_negative_row() -> None:
    rows = [settlement("S1", 1000, refd_flag="1"), refund("N1", None, -1000, refd_flag="0")]
    assert outcome(rows)[1] == {"S1": "reversed: unlinked_pair", "N1": "reversed: unlinked_pair"}
    assert resolve(rows).troubles.is_empty()


@pytest.mark.parametrize(
    "change",
    [
        {"id_key": 2}, {"institution_code": "H33011200002"}, {"tot_fen": 99900},
        {"setl_time": datetime(2023, 5, 20, 10, 1)}, {"setl_time": datetime(2023, 5, 21)},
    ],
)  # fmt: skip
def test_no_candidate_of_another_person_place_total_or_later_time(change: dict[str, Any]) -> None:
    rows = [{**settlement("S1", 1000), **change}, refund("N1", None, -1000)]
    totals, lost = outcome(rows)
    assert list(totals) == ["S1"]
    assert lost == {"N1": "listed: negative_without_original"}
    assert troubled(resolve(rows)) == [(1, "N1", 2023, "negative_without_original")]


def test_a_bare_date_is_compared_by_the_day() -> None:
    rows = [
        settlement("S1", 1000, at=datetime(2023, 5, 20, 17)),
        refund("N1", None, -1000, at=datetime(2023, 5, 20)),
    ]
    assert outcome(rows)[0] == {}


def test_equal_candidates_give_the_latest_and_k_cancel_k() -> None:
    rows = [settlement(f"S{day}", 1000, at=datetime(2023, 5, day)) for day in (1, 2, 3)]
    assert outcome([*rows, refund("N1", None, -1000)])[0] == {"S1": 1000, "S2": 1000}
    three = [refund(f"N{n}", None, -1000) for n in (1, 2, 3)]
    assert outcome([*rows, *three])[0] == {}
    totals, lost = outcome([*rows, *three, refund("N4", None, -1000)])
    assert (totals, lost["N4"]) == ({}, "listed: negative_without_original")


def test_candidates_that_differ_leave_the_negative_row_listed() -> None:
    rows = [settlement("S1", 1000, 500), settlement("S2", 1000, 400), refund("N1", None, -1000)]
    assert outcome(rows) == ({"S1": 1000, "S2": 1000}, {"N1": "listed: negative_ambiguous"})
    years = [
        settlement("S1", 1000, at=datetime(2022, 12, 31)),
        settlement("S2", 1000),
        refund("N1", None, -1000),
    ]
    assert outcome(years)[1] == {"N1": "listed: negative_ambiguous"}


def test_an_unlinked_negative_row_reaches_into_the_year_before() -> None:
    rows = [
        settlement("S1", 1000, at=datetime(2023, 12, 30)),
        refund("N1", None, -1000, at=datetime(2024, 1, 2)),
    ]
    assert outcome(rows) == ({}, {"S1": "reversed: unlinked_pair"})
    assert outcome(rows, 2024) == ({}, {"N1": "reversed: unlinked_pair"})


def test_a_negative_row_finds_the_person_under_another_key() -> None:
    links = pl.DataFrame({"id_key": [7], "person_key": [1]})
    rows = [settlement("S1", 1000), refund("N1", None, -1000, id_key=7)]
    assert outcome(rows, links=links)[0] == {}
    rows = [settlement("S1", 1000, id_key=7), refund("N1", None, -1000)]
    assert outcome(rows, links=links)[0] == {}


# --- corrections ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{"setl_type": "3"}, *({"manl_reim_rea": r} for r in ("06", "08", "09", "10"))]
)
def test_a_correction_counts_with_its_sign(change: dict[str, str]) -> None:
    rows = [settlement("S1", 1000), settlement("C1", 0, -200, at=LATER, **change)]
    assert outcome(rows) == ({"S1": 1000, "C1": 0}, {})
    assert resolve(rows).counted.select(pl.col("psn_fen").sum()).collect().item() == 30000


def test_a_manual_reimbursement_for_another_reason_is_no_correction() -> None:
    rows = [settlement("N1", -1000, manl_reim_rea="01")]
    assert outcome(rows)[1] == {"N1": "listed: negative_without_original"}


# --- versions, rejects, places ----------------------------------------------------------------------------------


def test_a_newer_version_in_another_year_takes_the_row_away() -> None:
    rows = [
        settlement("S1", 1000, at=datetime(2023, 12, 31, 23)),
        settlement("S1", 1000, at=datetime(2024, 1, 1), file_id="FC"),
    ]
    assert outcome(rows) == ({}, {})
    assert outcome(rows, 2024) == ({"S1": 1000}, {})
    assert resolve(rows).counts.select("state", "rows").rows() == [("superseded", 1)]


def reject(**more: Any) -> dict[str, Any]:
    base = {"file_id": "FB", "source_row": 9, "setl_id": "S1", "id_key": 1, "cost_year": 2023, "table": "setl_d",
            "column_name": "psn_pay", "rule": "identity_b", "message_zh": "个人支付与总额不符"}  # fmt: skip
    return {**{name: None for name in REJECTS}, **base, **more}


def test_a_rejected_newest_version_makes_the_person_incomplete() -> None:
    result = resolve([settlement("S1", 1000)], rejected=[reject()])
    assert result.counted.collect().height == 1
    assert troubled(result) == [(1, "S1", 2023, "rejected")]
    assert result.troubles["reason_zh"].to_list() == ["个人支付与总额不符"]


def test_a_rejected_row_that_a_newer_version_replaces_does_no_harm() -> None:
    for accepted, rejected in (
        ({"file_id": "FC"}, {}),
        ({"updt_time": datetime(2023, 1, 1)}, {}),
        ({"updt_time": datetime(2023, 6, 2)}, {"updt_time": datetime(2023, 6, 1)}),
        ({"file_id": "FB", "source_row": 10}, {}),
    ):
        assert resolve(
            [settlement("S1", 1000, **accepted)], rejected=[reject(**rejected)]
        ).troubles.is_empty()
    for accepted, rejected in (
        ({}, {"updt_time": datetime(2023, 1, 1)}),
        ({"updt_time": datetime(2023, 6, 1)}, {"updt_time": datetime(2023, 6, 1)}),
        ({"file_id": "FB", "source_row": 8}, {}),
    ):
        assert (
            resolve([settlement("S1", 1000, **accepted)], rejected=[reject(**rejected)]).troubles.height == 1
        )


def test_a_rejected_row_touches_its_own_year_or_every_year() -> None:
    assert troubled(resolve([], rejected=[reject(cost_year=2024)])) == []
    assert troubled(resolve([], rejected=[reject(cost_year=None)])) == [(1, "S1", None, "rejected")]
    assert troubled(resolve([], rejected=[reject(table="roster")])) == []


def test_a_rejected_row_without_a_person_falls_on_the_person_of_its_settlement() -> None:
    rows = [settlement("S1", 1000, id_key=5)]
    assert troubled(resolve(rows, rejected=[reject(id_key=None)])) == [(5, "S1", 2023, "rejected")]
    by_refund = reject(setl_id="R1", id_key=None, init_setl_id="S1")
    assert troubled(resolve(rows, rejected=[by_refund])) == [(5, "R1", 2023, "rejected")]


def test_person_and_county_are_the_published_ones() -> None:
    links = pl.DataFrame({"id_key": [7], "person_key": [1]})
    row = resolve([settlement("S1", 1000, id_key=7, insu_admdvs="330185")], links=links).counted.collect()
    assert row.select("person_key", "county_code", "designated").rows() == [(1, "330112", True)]


# --- properties -------------------------------------------------------------------------------------------------

KINDS = st.sampled_from(
    ["plain", "full", "partial", "larger", "unlinked", "orphan", "flagged", "correction", "layer"]
)


def story(kinds: list[str]) -> list[dict[str, Any]]:
    """A few settlements a person, each with what happened to it."""
    rows: list[dict[str, Any]] = []
    for n, kind in enumerate(kinds):
        who: dict[str, Any] = {"id_key": n % 3 + 1}
        s, r = f"S{n}", f"R{n}"
        if kind != "orphan":
            extra = {"flagged": {"refd_flag": "1"}, "layer": {"insutype": "392"}}.get(kind, {})
            rows.append(settlement(s, 1000 + n % 2, **who, **extra))
        part = {"full": 1000 + n % 2, "partial": 300, "larger": 2000, "orphan": 50}.get(kind)
        if part:
            rows.append(refund(r, s, -part, **who))
        if kind == "unlinked":
            rows.append(refund(r, None, -1000 - n % 2, **who))
        if kind == "correction":
            rows.append(settlement(r, 0, -10, setl_type="3", **who))
    return rows


def content(result: resolved.Resolved) -> tuple[pl.DataFrame, ...]:
    origin = ("file_id", "sheet", "source_row")
    return (
        result.counted.collect().drop(origin).sort("setl_id"),
        result.uncounted.drop(origin).sort("setl_id"),
        result.troubles.drop(origin).sort("setl_id", "reason", "cost_year"),
        result.counts,
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(KINDS, max_size=8), st.randoms())
def test_the_order_of_rows_and_the_cut_into_files_are_irrelevant(kinds: list[str], random: Any) -> None:
    rows = story(kinds)
    before = content(resolve(rows))
    random.shuffle(rows)
    cut = [{**row, "file_id": random.choice(("FA", "FB", "FC"))} for row in rows]
    after = content(resolve(cut))
    assert all(one.equals(other) for one, other in zip(before, after, strict=True))


@settings(max_examples=25, deadline=None)
@given(st.lists(KINDS, max_size=8), st.booleans(), st.integers(1, 100_000))
def test_a_settlement_and_its_reversal_leave_no_trace(kinds: list[str], link: bool, tot: int) -> None:
    rows = story(kinds)
    pair = [settlement("X1", tot, id_key=99), refund("X2", "X1" if link else None, -tot, id_key=99)]
    without, with_pair = resolve(rows), resolve([*rows, *pair])
    assert content(without)[0].equals(content(with_pair)[0])
    assert without.troubles.equals(with_pair.troubles)


@settings(max_examples=25, deadline=None)
@given(st.lists(KINDS, max_size=8))
def test_every_row_ends_in_one_state(kinds: list[str]) -> None:
    rows = story(kinds)
    totals, lost = outcome(rows)
    assert len(totals) + len(lost) == len(rows)
