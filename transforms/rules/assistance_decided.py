"""What decisions (审核决定), closed lists and the paid ledger make of the lines of assistance and tilt relief.

A decided amount stands in the place of the computed one and uses its account up, so the visits after it are counted
anew. The facts of a line, and what other readings would give it, stay as they were found. All amounts in fen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from transforms.benefit import decided_readings
from transforms.rules.relief_accounts import INPATIENT, SPECIAL
from transforms.rules.ruled import rulings as as_rulings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.assistance import Assistance

TILT = "tilt"
ACCOUNTS = {"assistance_special": SPECIAL, "assistance_inpatient": INPATIENT}
SETTLED = "按审核决定"
OTHER_LINE = "同一次就医已按另一条规则核定"
LIMITS = ["A-P04", "A-P06", "A-P29"]
"""Entries of the register that are about the limits themselves: their amounts are not put under the limits again."""
OWN = pl.Schema(
    {"benefit_id": pl.String, "visit_id": pl.String, "person_key": pl.Int64, "kind": pl.String, "own_fen": pl.Int64,
     "within": pl.Int64}
)  # fmt: skip


def own_amounts(drafted: pl.DataFrame, cases: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """OWN: the lines whose amount a decision sets: one that it fixes, or that of the reading that it chooses.

    drafted: `assistance_lines.drafts`; cases: amounts under other readings; decided: decided_lines.DECIDED. A reading
    that makes no difference to a line leaves it as it is.
    """
    other = cases.select("benefit_id", "reading_key", "reading", case_fen="amount_fen")
    return (
        drafted.select("benefit_id", "visit_id", "person_key", "kind")
        .join(as_rulings(decided), on="benefit_id", maintain_order="left")
        .join(other, on=["benefit_id", "reading_key", "reading"], how="left", maintain_order="left")
        .with_columns(
            own_fen=pl.coalesce("fixed_fen", "case_fen"),
            within=(pl.col("fixed_fen").is_null() & ~pl.col("reading_key").is_in(LIMITS)).cast(pl.Int64),
        )
        .drop_nulls("own_fen")
        .select(OWN.names())
        .cast(OWN)
    )


def on_visits(visits: pl.DataFrame, drafted: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Visits with `relief_accounts.DECIDED` and ma_decided_account.

    Where the disease is not known a visit has a line under either rule: an amount on one of them settles the visit, a
    refusal of one of them only that line.
    """
    is_tilt = pl.col("kind") == TILT
    lines = drafted.filter(~is_tilt).group_by("visit_id").agg(n_lines=pl.len())
    assistance = (
        own.filter(~is_tilt)
        .sort("visit_id", "own_fen", "kind", descending=[False, True, True])
        .group_by("visit_id", maintain_order=True)
        .agg(
            ma_decided_fen=pl.col("own_fen").sum(),
            ma_within=pl.col("within").first(),
            ma_decided_account=pl.col("kind").first().replace_strict(ACCOUNTS, return_dtype=pl.Int64),
            n_decided=pl.len(),
        )
        .join(lines, on="visit_id", how="left", maintain_order="left")
        .filter((pl.col("ma_decided_fen") > 0) | (pl.col("n_decided") == pl.col("n_lines")))
        .drop("n_decided", "n_lines")
    )
    tilt = own.filter(is_tilt).select("visit_id", tilt_decided_fen="own_fen", tilt_within="within")
    return visits.join(assistance, on="visit_id", how="left", maintain_order="left").join(
        tilt, on="visit_id", how="left", maintain_order="left"
    )


def with_own(drafted: pl.DataFrame, own: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """The drafts of the visits counted anew (`on_visits`), each line with its own amount."""
    named = own.select("benefit_id", "own_fen")
    whole = visits.select("visit_id", "ma_decided_fen")
    rows = drafted.join(named, on="benefit_id", how="left", maintain_order="left").join(
        whole, on="visit_id", how="left", maintain_order="left"
    )
    said = pl.col("own_fen").is_not_null()
    beside = ~said & pl.col("ma_decided_fen").is_not_null() & (pl.col("kind") != TILT)
    alone = (pl.col("kind") == TILT) | (pl.col("own_fen") == pl.col("ma_decided_fen"))
    walked = pl.when(alone.fill_null(False)).then(pl.coalesce("amount_fen", "own_fen"))
    amount = pl.when(beside).then(0).otherwise(pl.coalesce(walked, "own_fen", "amount_fen"))
    note = pl.when(said).then(pl.lit(SETTLED)).when(beside).then(pl.lit(OTHER_LINE)).otherwise("note")
    return rows.with_columns(
        amount_fen=amount,
        limit_after_fen=pl.when(said | beside)
        .then((pl.col("limit_before_fen") - amount).clip(lower_bound=0))
        .otherwise("limit_after_fen"),
        held_reason=pl.when(~said & ~beside).then("held_reason"),
        doubt=pl.col("doubt") & ~said & ~beside,
        note=note,
    ).select(drafted.columns)


GONE = "已付的就医已冲正或不再符合条件"


def gone_lines(
    drafted: pl.DataFrame, earlier: pl.DataFrame, asides: pl.DataFrame, rules: Assistance
) -> pl.DataFrame:
    """Drafts of visits that were paid and have no line any more: nothing is due on them, so the money shows as too much.

    earlier: `ledger.earlier_numbers`; asides: person_key, setl_id, setl_time, region_code of their settlements.
    """
    lost = (
        earlier.filter(~pl.col("stands"))
        .unique("benefit_id", keep="first", maintain_order=True)
        .join(asides, on=["person_key", "setl_id"], maintain_order="left")
    )
    kinds = {rule.rule_id: kind for kind, rule in rules.rules.items()}
    articles = {rule.rule_id: rule.article for rule in rules.rules.values()}
    versions = {rule.rule_id: rules.terms[-1].versions[kind] for kind, rule in rules.rules.items()}
    texts = {
        rule.rule_id: ";".join(f"{k}={v}" for k, v in sorted(rule.readings.items()))
        for rule in rules.rules.values()
    }
    of_rule = pl.col("rule_id")
    rows = lost.with_columns(
        visit_id="setl_id",
        kind=of_rule.replace_strict(kinds, return_dtype=pl.String),
        article=of_rule.replace_strict(articles, return_dtype=pl.String),
        policy_version=of_rule.replace_strict(versions, return_dtype=pl.String),
        readings=of_rule.replace_strict(texts, return_dtype=pl.String),
        amount_fen=pl.lit(0, pl.Int64),
        note=pl.lit(GONE),
        doubt=pl.lit(False),
    )
    empty = [name for name in drafted.columns if name not in rows.columns]
    return rows.with_columns(pl.lit(None, drafted.schema[name]).alias(name) for name in empty).select(
        drafted.columns
    )


def recorded(drafted: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """benefit_id, recorded_fen: what the extract shows as given on each line's visit at its settlement; unknown: 0."""
    shown = visits.select("visit_id", "maf_fen", tilt_given_fen="recorded_fen")
    given = pl.when(pl.col("kind") == TILT).then("tilt_given_fen").otherwise("maf_fen")
    rows = drafted.select("benefit_id", "visit_id", "kind").join(
        shown, on="visit_id", how="left", maintain_order="left"
    )
    return rows.select("benefit_id", recorded_fen=given.fill_null(0).clip(lower_bound=0))


def promised() -> pl.Expr:
    """What was paid on a line, or stands on a closed list for it, fen.

    What was given at the settlement fills a shortfall of the ledger; a ledger that has the whole amount is taken as it
    is, since it may have that money as well.
    """
    amount, paid, given = (pl.col(name) for name in ("amount_fen", "paid_fen", "recorded_fen"))
    filled = pl.when(paid < amount).then(pl.min_horizontal(amount, paid + given)).otherwise(paid)
    return pl.when(paid != 0).then(filled).otherwise(pl.col("closed_fen").fill_null(0))


def benefit_lines(
    lines: pl.DataFrame, decided: pl.DataFrame, paid: pl.DataFrame, given: pl.DataFrame, rules: Assistance
) -> pl.DataFrame:
    """The lines after decisions, closed lists and payments: status, needs_review, readings and what was paid.

    lines: `assistance_lines.benefit_lines` with nothing decided; paid: benefit_id, paid_fen; given: `recorded`. Adds
    ADDED. status, the first that applies: held, review, adjust_up or adjust_down (paid, or on a closed list, and
    another amount), paid, within (0), confirmed, due.
    """
    rows = (
        lines.join(as_rulings(decided), on="benefit_id", how="left", maintain_order="left")
        .join(paid, on="benefit_id", how="left", maintain_order="left")
        .join(given, on="benefit_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("paid_fen", "recorded_fen").fill_null(0),
            pl.col("decided", "confirmed", "stale").fill_null(False),
        )
    )
    amount, settled = pl.col("amount_fen"), pl.col("decided") & ~pl.col("stale")
    open_ = pl.col("needs_review") & ~settled
    status = (
        pl.when(amount.is_null())
        .then(pl.lit("held"))
        .when(open_)
        .then(pl.lit("review"))
        .when((promised() != 0) & (amount > promised()))
        .then(pl.lit("adjust_up"))
        .when((promised() != 0) & (amount < promised()))
        .then(pl.lit("adjust_down"))
        .when(pl.col("paid_fen") != 0)
        .then(pl.lit("paid"))
        .when(amount == 0)
        .then(pl.lit("within"))
        .when(pl.col("confirmed") | (promised() != 0))
        .then(pl.lit("confirmed"))
        .otherwise(pl.lit("due"))
    )
    return rows.with_columns(
        status=status,
        needs_review=open_ | pl.col("stale"),
        readings=_readings(rules),
        adjustment_fen=pl.when(pl.col("paid_fen") != 0).then(amount - promised()).otherwise(amount),
    ).select(*lines.columns, *ADDED)


ADDED = ("paid_fen", "recorded_fen", "adjustment_fen", "closed_fen", "confirmed", "decision")


def _readings(rules: Assistance) -> pl.Expr:
    """The readings of each rule, the one that a decision chooses in its place; one of another rule behind them."""
    text = pl.col("readings")
    key, letter = pl.col("reading_key"), pl.col("reading")
    for rule in rules.rules.values():
        mine: Mapping[str, str] = rule.readings
        told = pl.when(key.is_in(list(mine)) | key.is_null()).then(decided_readings(dict(mine), key, letter))
        added = pl.concat_str([pl.col("readings"), pl.format("{}={}", key, letter)], separator=";")
        text = pl.when(pl.col("rule_id") == rule.rule_id).then(told.otherwise(added)).otherwise(text)
    return text


def replaced(frame: pl.DataFrame, fresh: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The rows of `frame` with those of these people (person_key) taken from `fresh`."""
    kept = frame.join(people, on="person_key", how="anti", maintain_order="left")
    return pl.concat([kept, fresh.select(frame.columns)])


def cases_after(
    before: pl.DataFrame, fresh: pl.DataFrame, own: pl.DataFrame, lines: pl.DataFrame
) -> pl.DataFrame:
    """Review cases after decisions: those of lines with an amount of their own as they were, of the others anew.

    before, fresh: `assistance_review.CASES` before and after; lines: benefit_id of everybody counted anew.
    """
    named = own.select("benefit_id")
    kept = before.join(lines, on="benefit_id", how="anti").select(before.columns)
    theirs = before.join(named, on="benefit_id", how="semi")
    others = fresh.join(named, on="benefit_id", how="anti").select(before.columns)
    return pl.concat([kept, theirs, others]).sort("benefit_id", "reading_key", "reading")
