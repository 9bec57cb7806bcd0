"""The answer key: what the files come to, from the generator's own truth (yuan with two decimals, '?' not asserted)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from synth import ids
from synth.addresses import Addresses
from synth.key_burden import Borne
from synth.key_cap import Unit
from synth.key_household import Register
from synth.master import ALIVE
from synth.model import RANK, Fact, World
from synth.people import ALWAYS_WRONG, NO_ID, PASSPORT, People
from synth.places import County
from synth.scenarios import Planted, fen
from synth.tally import Tally
from synth.write import Delivered

MONEY = ("tot", "pol", "fund", "psn", "acct", "cash", "com", "sub", "neg", "unused", "private", "burden")


def yuan(x: int | None) -> str:
    """Fen as yuan with two decimals; None as an empty cell."""
    if x is None:
        return ""
    return f"{'-' if x < 0 else ''}{abs(x) // 100}.{abs(x) % 100:02d}"


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """A table of the answer key as CSV; how many rows it has."""
    n = 0
    with path.open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f)
        out.writerow(header)
        for row in rows:
            out.writerow(row)
            n += 1
    return n


def _yuan_column(name: str) -> pl.Expr:
    x = pl.col(name)
    return (
        pl.when(x < 0).then(pl.lit("-")).otherwise(pl.lit(""))
        + (x.abs() // 100).cast(pl.String)
        + "."
        + (x.abs() % 100).cast(pl.String).str.zfill(2)
    ).alias(f"{name}_yuan")


def _places(
    people: People,
    homes: Addresses | None,
    place: County,
    elsewhere: np.ndarray,
    seen: Mapping[int, tuple[object, str, str, str]],
    *,
    plain: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Township code, its source and village of people on no roster.

    A village committee without its county means nothing for somebody insured `elsewhere`.
    """
    codes = np.array([t[0] for t in place.townships], dtype=object)[people.town]
    source = np.full(people.n, "unknown", dtype=object)
    village = np.full(people.n, "", dtype=object)
    source[(people.emp_name.str.contains("村民委员会")).to_numpy() & ~elsewhere] = "emp_name"
    if homes:
        readable, named = homes.source(elsewhere)
        readable = np.where(np.isin(people.id_kind, (PASSPORT, NO_ID)), 0, readable)
        source[readable == 1] = "live_addr"
        source[readable == 2] = "hsreg_addr"
        village = np.where(readable > 0, named, village).astype(object)
        for p, (_, _, _, at) in seen.items():
            source[p], village[p] = "counter", at
    return np.where(source == "unknown", "", codes), source, village


def _right_digits(people: People) -> pl.Series:
    """The numbers as they are shown: with the right check digit."""
    wrong = (people.certno.str.len_chars() == 18) & pl.Series(people.id_kind == ALWAYS_WRONG)
    wrong |= pl.Series(np.arange(people.n) >= people.mass) & (people.certno.str.len_chars() == 18)
    at = wrong.arg_true()
    right = [number[:17] + ids.check_digit(number[:17]) for number in people.certno.gather(at)]
    return people.certno.clone().scatter(at, right) if right else people.certno


def person_year(
    folder: Path, people: People, homes: Addresses | None, place: County, tally: Tally, register: Register, borne: dict[str, Borne],
    world: World, seen: Mapping[int, tuple[object, str, str, str]], *, plain: bool,
) -> int:  # fmt: skip
    """One row for everyone with a counted settlement or on a roster in the year.

    township.csv: where those on no roster live, whether or not anything delivered tells it.
    """
    n = people.n
    town, source, village = _places(people, homes, place, tally.last_insured > 1, seen, plain=plain)
    lives = np.array([code for code, _ in place.townships])[people.town]
    insured = np.array([people.insu_codes[0], people.insu_codes[0], *people.insu_codes[2:]], dtype=object)
    region = insured[tally.last_insured]
    household, category, identities, newborn = (np.full(n, "", dtype=object) for _ in range(4))
    money = {c: tally.sums[c].copy() for c in tally.sums}
    money |= {c: np.zeros(n, dtype=np.int64) for c in ("com", "sub", "neg", "unused", "private")}
    money["burden"] = np.maximum(tally.sums["psn"], 0)
    # people without a certificate of their own are in no file that tells of a death
    dead = (people.died < ALIVE) & ~np.isin(people.id_kind, (PASSPORT, NO_ID))
    number = {people.certno[int(p)]: int(p) for p in np.flatnonzero(people.detail)}
    on_roster = np.zeros(n, dtype=bool)
    secret = np.zeros(n, dtype=bool)
    removed_dead = {f.who for f in world.facts if f.reason == "死亡"}
    if plain:
        dead &= np.isin(np.arange(n), [number[w] for w in removed_dead])
    for who, b in borne.items():
        p = number[who]
        for c in ("com", "sub", "unused", "private", "burden"):
            money[c][p] = getattr(b, c)
    for who in register.facts:
        p = number[who]
        fact = register.last_fact(who)
        codes = register.last_codes(who)
        on_roster[p], secret[p] = True, fact.anonymous
        at_home = fact.region in ("", place.code)
        region[p] = fact.region or place.code
        here = place.townships[fact.town][0], "roster", fact.village
        town[p], source[p], village[p] = here if at_home else ("?", "?", "?")
        if fact.anonymous:
            newborn[p] = f"{fact.name}|{fact.born}|{fact.head}"
        household[p] = register.spells[who][-1][0]
        category[p] = codes[0] if codes and codes[0] in RANK[:-1] else ""
        identities[p] = ",".join(codes)
    deceased = pl.Series(people.died).dt.strftime("%Y-%m-%d")
    frame = pl.DataFrame(
        {
            "certno": people.certno, "right": _right_digits(people), "lives": lives, "psn_no": people.psn_no,
            "newborn": pl.Series(newborn, dtype=pl.String), "name": people.name,
            "birth_year": pl.Series(people.born).dt.year().cast(pl.String),
            "sex": pl.Series(np.where(people.sex == 1, "男", "女")),
            "deceased_on": deceased, "dead": dead, "region_code": pl.Series(region, dtype=pl.String),
            "township_code": pl.Series(town, dtype=pl.String),
            "township_source": pl.Series(source, dtype=pl.String),
            "village": pl.Series(village, dtype=pl.String),
            "household_id": pl.Series(household, dtype=pl.String),
            "category": pl.Series(category, dtype=pl.String),
            "identities": pl.Series(identities, dtype=pl.String),
            "insutype": tally.last_insutype, "n_settlements": tally.count, "n_inpatient": tally.stays,
            "pol_unknown": tally.pol_unknown, "hole": tally.hole, "secret": secret, "r": on_roster, **money,
        }
    ).filter((pl.col("n_settlements") > 0) | pl.col("r"))  # fmt: skip
    if place.towns_known and homes:
        beside = frame.filter(~pl.col("r")).select("certno", "psn_no", "region_code", township_code="lives")
        beside.write_csv(folder / "township.csv", quote_style="necessary")
    id18 = pl.col("certno").str.len_chars() == 18
    masked = pl.col("right").str.slice(0, 6) + "********" + pl.col("right").str.slice(14)
    out = frame.select(
        pl.when("secret").then(pl.lit("")).otherwise("certno").alias("certno"),
        pl.when("secret").then(pl.lit("")).otherwise("psn_no").alias("psn_no"),
        "newborn",
        (pl.col("name").str.slice(0, 1) + "**").alias("name_masked"),
        pl.when("secret").then(pl.lit("")).when(id18).then(masked).otherwise(pl.lit("?")).alias("certno_masked"),
        "birth_year",
        pl.when("secret").then(pl.lit("")).otherwise("sex").alias("sex"),  # no paper shows it
        pl.when("dead").then("deceased_on").otherwise(pl.lit("")).alias("deceased_on"),
        "region_code", "township_code", "township_source", "village", "household_id",
        pl.lit(str(tally.year)).alias("cost_year"), "category", "identities",
        pl.when(pl.col("n_settlements") > 0).then(pl.col("insutype").cast(pl.String)).otherwise(pl.lit(""))
        .alias("insutype"),
        "n_settlements", "n_inpatient",
        *(
            pl.when("pol_unknown").then(pl.lit("")).otherwise(_yuan_column(c)).alias("pol_yuan")
            if c == "pol" else _yuan_column(c)
            for c in MONEY
        ),
        pl.when("hole").then(pl.lit("true")).otherwise(pl.lit("false")).alias("incomplete"),
    )  # fmt: skip
    if not place.towns_known:
        unsaid = ("township_code", "township_source", "village")
        out = out.with_columns(pl.lit("?").alias(c) for c in unsaid)
    out.write_csv(folder / "person_year.csv", quote_style="necessary")
    return out.height


def household_year(
    folder: Path, place: County, people: People, register: Register, world: World, year: int
) -> int:
    """One row for every household with a roster row in the year; each cost in the household of its day."""
    names = {f.who: f.name for f in world.facts}
    totals: dict[str, dict[str, int]] = {}
    incomplete: set[str] = set()
    for who in register.facts:
        for v in world.visits.get(who, []):
            h = register.household(who, v.day)
            sums = totals.setdefault(h, dict.fromkeys(("n", "tot", "psn", "com", "sub", "burden"), 0))
            sums["n"] += 1
            for c in ("tot", "psn", "com", "sub", "burden"):
                sums[c] += getattr(v, c)
        for _, day in world.holes.get(who, []):
            spells = register.spells[who]
            incomplete |= {register.household(who, day)} if day else {s[0] for s in spells}

    def rows() -> Iterable[Sequence[object]]:
        for h in sorted(register.members):
            members = register.members[h]
            here = register.on_last_day(h)
            facts = [f for m in members for f in register.facts[m] if register.final(register.number(f)) == h]
            last = max(facts, key=lambda f: (f.end, f.start))
            codes = [c for m in (here or members) for c in register.last_codes(m) if c in RANK[:-1]]
            t = totals.get(h, dict.fromkeys(("n", "tot", "psn", "com", "sub", "burden"), 0))
            yield (
                h, last.region or place.code, _township(place, last), _village(place, last),
                ids.mask_name(names.get(last.head, "")), year, min(codes, key=RANK.index, default=""),
                len(here), len(members), t["n"], yuan(t["tot"]), yuan(t["psn"]), yuan(t["com"]), yuan(t["sub"]),
                "0.00", yuan(max(0, t["burden"])), str(h in incomplete).lower(),
            )  # fmt: skip

    header = (
        "household_id", "region_code", "township_code", "village", "head_name_masked", "cost_year", "category",
        "n_members", "n_members_ever", "n_settlements", "tot_yuan", "psn_yuan", "com_yuan", "sub_yuan", "neg_yuan",
        "burden_yuan", "incomplete",
    )  # fmt: skip
    return write_table(folder / "household_year.csv", header, rows())


def _township(place: County, f: Fact) -> str:
    """Township on a roster row; a row of another county shows none."""
    return place.townships[f.town][0] if f.region in ("", place.code) and place.towns_known else "?"


def _village(place: County, f: Fact) -> str:
    """Village on a roster row, as the township."""
    return f.village if _township(place, f) != "?" else "?"


def cap_gap(
    folder: Path, place: County, register: Register, units: list[Unit], world: World, year: int
) -> None:
    """One row for every unit under Lin'an's cap."""
    names = {f.who: f.name for f in world.facts}
    rows = []
    for u in units:
        facts = [f for m in register.members[u.household] for f in register.facts[m]]
        facts = [f for f in facts if register.final(register.number(f)) == u.household]
        last = max(facts, key=lambda f: (f.end, f.start))
        split = "/" in u.unit
        adjustment = None if u.amount is None else u.amount - u.paid
        rows.append(
            (
                "L-04", place.code, place.townships[last.town][0], last.village, "household", u.unit, u.household,
                ids.mask_name(names.get(last.head, "")), "?" if split else len(u.members), year, u.category,
                yuan(u.burden), yuan(u.cap), yuan(u.gap), yuan(u.distance), "", yuan(u.amount), yuan(u.paid),
                yuan(adjustment), u.status, "?" if u.amount is None or u.undated else str(u.review).lower(), "?",
            )
        )  # fmt: skip
    header = (
        "rule_id", "region_code", "township_code", "village", "unit_type", "unit_id", "household_id",
        "head_name_masked", "n_members", "cost_year", "category", "burden_yuan", "cap_yuan", "gap_yuan",
        "distance_yuan", "limit_yuan", "amount_yuan", "paid_yuan", "adjustment_yuan", "status", "needs_review",
        "incomplete_reason",
    )  # fmt: skip
    write_table(folder / "cap_gap.csv", header, rows)


def review_cases(folder: Path, units: list[Unit]) -> None:
    """One row for every other reading that gives a unit another amount."""
    header = ("unit_id", "reading_key", "reading", "amount_yuan")
    write_table(
        folder / "review_case.csv",
        header,
        ((u.unit, c.key, c.reading, yuan(c.amount)) for u in units for c in u.cases),
    )


def payments(folder: Path, world: World) -> None:
    """Every supplementary payment with what it really does."""
    header = (
        "serial",
        "certno",
        "kind",
        "settlement_id",
        "year",
        "amount_yuan",
        "times",
        "effect",
        "counts_on",
    )
    write_table(
        folder / "payment.csv",
        header,
        (
            (p.serial, p.who, p.kind, p.settlement, p.year, yuan(p.amount), p.times, p.truth, p.counts_on)
            for p in world.payments
        ),
    )


def files(folder: Path, delivered: list[Delivered]) -> None:
    """Rows, accepted, rejected and duplicate rows of each file."""
    header = (
        "file", "table_name", "encoding", "received_on", "content_hash", "n_rows", "n_accepted", "n_rejected",
        "n_duplicate",
    )  # fmt: skip
    write_table(
        folder / "files.csv",
        header,
        (
            (
                f.name,
                f.table,
                f.encoding,
                f.received_on,
                f.content_hash,
                f.rows,
                f.accepted,
                f.rejected,
                f.duplicates,
            )
            for f in sorted(delivered, key=lambda f: f.name)
        ),
    )


def situations(folder: Path, planted: list[Planted], place: County) -> None:
    """Each planted situation with its unit in this county and the values expected by hand."""
    rows: list[Sequence[object]] = []
    for p in planted:
        s = p.situation
        rule = ",".join(s["rule"])
        for e in s["expect"].get("cap", []) if place.has_cap else []:
            letter, _, category = e["household"].partition("/")
            unit = p.households[letter] + (f"/{category}" if category else "")
            rows += [
                (s["id"], rule, "cap_gap", unit, k, _value(k, v)) for k, v in e.items() if k != "household"
            ]
        for e in s["expect"].get("review", []) if place.has_cap else []:
            letter, _, category = e["household"].partition("/")
            unit = p.households[letter] + (f"/{category}" if category else "")
            amount = _value("amount_yuan", e["amount_yuan"])
            rows.append((s["id"], rule, "review_case", unit, f"{e['key']} {e['reading']}", amount))
        for e in s["expect"].get("household", []):
            unit = p.households[e["household"]]
            rows += [
                (s["id"], rule, "household_year", unit, k, _value(k, v))
                for k, v in e.items()
                if k != "household"
            ]
        for e in s["expect"].get("person", []):
            unit = p.numbers[e["who"]]
            rows += [
                (s["id"], rule, "person_year", unit, k, _value(k, v)) for k, v in e.items() if k != "who"
            ]
        for letter in s["expect"].get("no_unit", []) if place.has_cap else []:
            rows.append((s["id"], rule, "cap_gap", p.households[letter], "absent", "true"))
        rows += [(s["id"], rule, *cells) for cells in _expected_relief(p)]
    write_table(folder / "situations.csv", ("situation", "rule", "table", "unit", "column", "expected"), rows)


def _expected_relief(p: Planted) -> list[tuple[str, str, str, str]]:
    """table, unit, column, expected of assistance (a line or an audit row of a visit) and of Wenzhou's relief."""
    expect = p.situation["expect"]
    rows = []
    for e in expect.get("relief", []):
        unit = p.households[e["household"]]
        rows += [("cap_gap", unit, k, _value(k, v)) for k, v in e.items() if k != "household"]
    for e in expect.get("relief_review", []):
        unit = p.households[e["household"]]
        rows.append(
            ("review_case", unit, f"{e['key']} {e['reading']}", _value("amount_yuan", e["amount_yuan"]))
        )
    for e in expect.get("line", []):
        unit = p.settlements[e["visit"]]
        named = {k: v for k, v in e.items() if k not in ("visit", "rule")}
        rows += [("benefit_line", unit, f"{e['rule']} {k}", _value(k, v)) for k, v in named.items()]
    for e in expect.get("line_review", []):
        cell = f"{e['rule']} {e['key']} {e['reading']}"
        rows.append(
            ("line_review_case", p.settlements[e["visit"]], cell, _value("amount_yuan", e["amount_yuan"]))
        )
    for e in expect.get("no_line", []):
        rows.append(("benefit_line", p.settlements[e["visit"]], f"{e['rule']} absent", "true"))
    rows += [("cap_gap", p.households[letter], "absent", "true") for letter in expect.get("no_relief", [])]
    for e in expect.get("audit", []):
        unit = p.settlements[e["visit"]]
        rows += [("assistance_audit", unit, k, _value(k, v)) for k, v in e.items() if k != "visit"]
    return rows


def _value(column: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if column.endswith("_yuan"):
        return yuan(fen(str(value))) if value != "" else ""
    return str(value)
