"""The annual accounts (年度救助限额) of assistance and tilt relief: visit by visit, in the order of their settlement.

Every visit is paid from what the visits before it have left of its account; opening balances come first. All persons
are walked at once, first visit by first visit, then all second ones: the state is one number a person and account.
All amounts in whole fen; half-up to the fen, then what the person bears (X-08), then the limit. An amount that a
decision sets is taken as it stands and uses its account up like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
SPECIAL, INPATIENT, NONE = 1, 2, 0
RESULTS = (
    "ma_fen", "ma_before_fen", "ma_after_fen", "ma_bitten", "ma_base_fen", "r1_fen", "tilt_met", "tilt_fen",
    "tilt_before_fen", "tilt_after_fen", "tilt_bitten", "ma_doubt", "tilt_doubt", "inpatient_before_fen",
)  # fmt: skip


@dataclass
class State:
    """What each person has used so far: special, inpatient, tilt; what held visits might use; deductible left."""

    used: Ints
    held: Ints
    deductible: Ints
    measured: Ints


def with_decided(visits: pl.DataFrame) -> pl.DataFrame:
    """Visits whose assistance a decision sets are known, and stand in the account of the line it was set on.

    visits: `assistance.with_assistance`, and where something is decided DECIDED and ma_decided_account.
    """
    if DECIDED[0] not in visits.columns:
        return visits
    said = pl.col(DECIDED[0]).is_not_null()
    return visits.with_columns(
        ma_reason=pl.when(~said).then("ma_reason"),
        ma_known=pl.col("ma_known") | said,
        ma_possible_fen=pl.when(said).then(0).otherwise("ma_possible_fen"),
        account=pl.when(said).then("ma_decided_account").otherwise("account"),
    )


def with_decided_tilt(visits: pl.DataFrame) -> pl.DataFrame:
    """The same for tilt relief, after `tilt.with_tilt`."""
    if DECIDED[1] not in visits.columns:
        return visits
    said = pl.col(DECIDED[1]).is_not_null()
    return visits.with_columns(
        tilt_reason=pl.when(~said).then("tilt_reason"),
        tilt_possible_fen=pl.when(said).then(0).otherwise("tilt_possible_fen"),
    )


def with_decided_lines(visits: pl.DataFrame) -> pl.DataFrame:
    """A tilt line that a decision was made on stays, also where assistance leaves less than the threshold now."""
    if DECIDED[1] not in visits.columns:
        return visits
    return visits.with_columns(tilt_line=pl.col("tilt_line") | pl.col(DECIDED[1]).is_not_null())


def parted(parts: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Settlements of stays as visits of their own, with what was decided on the stay at its last settlement.

    parts: visit_id, stay_id; stays: visit_id, and where something is decided DECIDED and ma_decided_account.
    """
    if DECIDED[0] not in stays.columns:
        return parts
    said = stays.select("ma_decided_account", *DECIDED, stay_id="visit_id")
    last = pl.col("visit_id") == pl.col("stay_id")
    return parts.join(said, on="stay_id", how="left", maintain_order="left").with_columns(
        pl.when(last | pl.col(name).is_null()).then(name).otherwise(0).alias(name) for name in DECIDED[:2]
    )


def half_up(base: Ints, numerator: Ints, denominator: Ints) -> Ints:
    """base × numerator ÷ denominator, half-up to the fen; base is not negative."""
    return (2 * base * numerator + denominator) // (2 * denominator)


def in_order(visits: pl.DataFrame) -> pl.DataFrame:
    """The visits by person, settlement time and number; those that stand so already are not moved."""
    key = ["person_key", "setl_time", "visit_id"]
    later = pl.lit(False)
    for name in reversed(key):
        now, before = pl.col(name), pl.col(name).shift(1)
        later = (now < before) | ((now == before) & later)
    return visits.sort(key) if visits.select(later.fill_null(True).slice(1).any()).item() else visits


def walked(visits: pl.DataFrame, opening: pl.DataFrame, readings: dict[str, str]) -> pl.DataFrame:
    """`visits` with the columns RESULTS, in the order person, settlement time, settlement id.

    visits: person_key, visit_id, setl_time; account (1 special, 2 inpatient, 0 none), ma_known, ma_base_fen,
    ma_numerator, ma_denominator, ma_possible_fen (what a held one might be); limit_special_fen,
    limit_inpatient_fen, limit_tilt_fen, deductible_fen; bound_fen; r0_fen (0 where unknown); tilt_open (all but
    the threshold is met and known), tilt_threshold_fen, tilt_numerator, tilt_denominator, tilt_inclusive,
    tilt_possible_fen, is_inpatient. opening: person_key, special_fen, inpatient_fen, tilt_fen. DECIDED, where given:
    what a decision says the visit gets (null: nothing decided).
    """
    undecided = [name for name in DECIDED if name not in visits.columns]
    rows = in_order(visits.with_columns(pl.lit(None, pl.Int64).alias(name) for name in undecided))
    if rows.is_empty():
        return rows.drop(undecided).with_columns(
            pl.lit(None, pl.Boolean if name in FLAGS else pl.Int64).alias(name) for name in RESULTS
        )
    ranks = rows.select(
        pl.int_range(pl.len()).over("person_key").alias("rank"), pl.col("person_key").rle_id().alias("p")
    )
    person, rank = ranks["p"].to_numpy().astype(np.int64), ranks["rank"].to_numpy()
    data = {name: rows[name].to_numpy() for name in COLUMNS}
    data |= {name: rows[name].fill_null(UNDECIDED).to_numpy() for name in DECIDED}
    start = (
        rows.select("person_key")
        .unique(maintain_order=True)
        .join(opening, on="person_key", how="left", maintain_order="left")
    )
    first = np.stack([start[name].fill_null(0).to_numpy() for name in OPENING]).astype(np.int64)
    deductible = rows.group_by("person_key", maintain_order=True).agg(pl.col("deductible_fen").first())
    people = start.height
    state = State(
        first,
        np.zeros((3, people), np.int64),
        deductible["deductible_fen"].to_numpy().astype(np.int64).copy(),
        np.zeros(people, np.int64),
    )
    out: dict[str, Any] = {
        name: np.zeros(rows.height, np.bool_ if name in FLAGS else np.int64) for name in RESULTS
    }
    order = np.argsort(rank, kind="stable")
    cuts = np.flatnonzero(np.diff(rank[order])) + 1
    for index in np.split(order, cuts):
        taken = _step({name: values[index] for name, values in data.items()}, state, person[index], readings)
        for name, values in taken.items():
            out[name][index] = values
    return rows.drop(undecided).with_columns(pl.Series(name, out[name]) for name in RESULTS)


COLUMNS = (
    "account", "ma_known", "ma_base_fen", "ma_numerator", "ma_denominator", "ma_possible_fen", "limit_special_fen",
    "limit_inpatient_fen", "limit_tilt_fen", "bound_fen", "r0_fen", "tilt_open", "tilt_threshold_fen",
    "tilt_numerator", "tilt_denominator", "tilt_inclusive", "tilt_possible_fen", "is_inpatient",
)  # fmt: skip
DECIDED = ("ma_decided_fen", "tilt_decided_fen", "ma_within", "tilt_within")
"""What decisions say of a visit; no amount is negative. `…_within` 1: the amount of another reading, at most what is
left of the account."""
UNDECIDED = -1
OPENING = ("special_fen", "inpatient_fen", "tilt_fen")
FLAGS = ("ma_bitten", "tilt_met", "tilt_bitten", "ma_doubt", "tilt_doubt")


def _step(row: dict[str, Any], state: State, who: Ints, readings: dict[str, str]) -> dict[str, Any]:
    """One visit of each of these persons; the state moves on."""
    account, known = row["account"], row["ma_known"]
    pays = known & (account != NONE)
    spared = np.where(pays, np.minimum(state.deductible[who], row["ma_base_fen"]), 0)
    state.deductible[who] -= spared
    base = row["ma_base_fen"] - spared
    raw = np.where(pays, half_up(base, row["ma_numerator"], row["ma_denominator"]), 0)
    bounded = np.minimum(raw, row["bound_fen"])
    left = _left(account, row, state.used, who, readings)
    other = _left(np.full_like(account, INPATIENT), row, state.used, who, readings)
    decided = row["ma_decided_fen"] != UNDECIDED
    ma = np.where(decided, _decided(row, "ma", left), _within(bounded, left, readings))
    doubt = _might_be_less(bounded, left, _held(account, state.held, who, readings))
    slot = np.where(account == SPECIAL, 0, 1)
    state.used[slot, who] += ma
    state.held[slot, who] += np.where(known, 0, row["ma_possible_fen"])
    tilt = _tilt(row, state, who, readings, ma, np.where(decided, ma, bounded), slot)
    state.used[2, who] += tilt["tilt_fen"]
    if readings.get("A-P04") == "b":
        state.used[slot, who] += tilt["tilt_fen"]
    state.held[2, who] += row["tilt_possible_fen"]
    return tilt | {
        "ma_fen": ma,
        "ma_base_fen": base,
        "ma_before_fen": left,
        "ma_after_fen": np.maximum(0, left - ma),
        "ma_bitten": (bounded < raw) & ~decided,
        "inpatient_before_fen": other,
        "ma_doubt": pays & doubt & ~decided,
        "tilt_doubt": tilt["tilt_doubt"] | (pays & doubt & ~decided),
    }


def _left(account: Ints, row: dict[str, Any], used: Ints, who: Ints, readings: dict[str, str]) -> Ints:
    """What is left of the account: apart (A-P06 a), 6万 inside 10万 (b), or one limit for both (c)."""
    special, inpatient = row["limit_special_fen"], row["limit_inpatient_fen"]
    is_inpatient = account == INPATIENT
    mine = np.where(is_inpatient, inpatient - used[1, who], special - used[0, who])
    both = np.maximum(special, 0) - used[0, who] - used[1, who]
    match readings.get("A-P06", "a"):
        case "b":
            mine = np.minimum(mine, both)
        case "c":
            mine = both
    floored: Ints = np.maximum(0, mine)
    return floored


def _held(account: Ints, held: Ints, who: Ints, readings: dict[str, str]) -> Ints:
    """What held visits before might have used of the account."""
    joined = readings.get("A-P06", "a") != "a"
    own = np.where(account == INPATIENT, held[1, who], held[0, who])
    mine: Ints = held[0, who] + held[1, who] if joined else own
    return mine


def _might_be_less(amount: Ints, left: Ints, held: Ints) -> Flags:
    """Whether what held visits before might have used of the account would cut what is paid now."""
    less: Flags = np.minimum(amount, np.maximum(0, left - held)) < np.minimum(amount, left)
    return less


def _within(amount: Ints, left: Ints, readings: dict[str, str]) -> Ints:
    """The rest of the limit is paid (A-P29 a), or nothing of what exceeds it (b)."""
    whole = readings.get("A-P29", "a") == "b"
    paid: Ints = np.where(amount <= left, amount, 0) if whole else np.minimum(amount, left)
    return paid


def _decided(row: dict[str, Any], stem: str, left: Ints) -> Ints:
    """What a decision says: an amount as it stands; what another reading gives, within the account as it stands now."""
    amount = row[f"{stem}_decided_fen"]
    said: Ints = np.where(row[f"{stem}_within"] == 1, np.minimum(amount, left), amount)
    return said


def _tilt(
    row: dict[str, Any],
    state: State,
    who: Ints,
    readings: dict[str, str],
    ma: Ints,
    before_limit: Ints,
    slot: Ints,
) -> dict[str, Any]:
    """Tilt relief on what is left of the policy-range cost after assistance."""
    threshold = row["tilt_threshold_fen"]
    r1 = np.maximum(0, row["r0_fen"] - ma)
    measured = np.maximum(0, row["r0_fen"] - before_limit) if readings.get("A-P31") == "b" else r1
    open_ = row["tilt_open"] & row["ma_known"]
    if readings.get("A-P03") == "b":
        open_ = open_ & row["is_inpatient"]
    if readings.get("A-P05") == "b":
        open_ = open_ & (ma > 0)
    if readings.get("A-P02") == "c":
        before = state.measured[who].copy()
        state.measured[who] += np.where(open_, measured, 0)
        met, raw_before = _share(row, before, threshold, readings)
        met, raw = _share(row, before + np.where(open_, measured, 0), threshold, readings)
        raw = raw - raw_before
    else:
        met, raw = _share(row, measured, threshold, readings)
    raw = np.where(met & open_, raw, 0)
    bounded = np.minimum(raw, np.maximum(0, row["bound_fen"] - ma))
    left = np.maximum(0, row["limit_tilt_fen"] - state.used[2, who])
    if readings.get("A-P04") == "b":
        whole = np.where(slot == 1, row["limit_inpatient_fen"], row["limit_special_fen"])
        left = np.minimum(left, np.maximum(0, whole - state.used[slot, who]))
    decided = row["tilt_decided_fen"] != UNDECIDED
    tilt = np.where(decided, _decided(row, "tilt", left), _within(bounded, left, readings))
    return {
        "r1_fen": r1,
        "tilt_met": met,
        "tilt_fen": tilt,
        "tilt_before_fen": left,
        "tilt_after_fen": np.maximum(0, left - tilt),
        "tilt_bitten": (bounded < raw) & ~decided,
        "tilt_doubt": _might_be_less(bounded, left, state.held[2, who]),
    }


def _share(
    row: dict[str, Any], amount: Ints, threshold: Ints, readings: dict[str, str]
) -> tuple[Flags, Ints]:
    """Whether the threshold is reached, and the share of the whole (A-P01 a) or of what lies above it (b)."""
    met = np.where(row["tilt_inclusive"], amount >= threshold, amount > threshold)
    base = np.maximum(0, amount - threshold) if readings.get("A-P01") == "b" else amount
    return met, np.where(met, half_up(base, row["tilt_numerator"], row["tilt_denominator"]), 0)
