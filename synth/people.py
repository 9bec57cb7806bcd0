"""The people of the county: one row each, as numpy arrays by person number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from synth import ids
from synth.places import County, stem_of

HOME, ALIAS, OTHER, INSIDE, NOWHERE = range(
    5
)  # where a person is insured; INSIDE: account within the fund total
NO_SUCH_CODE = "999999"  # an insured region that no table knows
PLAIN_ID, SOMETIMES_WRONG, ALWAYS_WRONG, OLD_15, SOMETIMES_MISSING, PASSPORT, NO_ID, MESSY = range(8)


@dataclass
class People:
    """Arrays by person number. ``certno`` is the number that keys the person ('' for NO_ID)."""

    n: int
    roster: int
    certno: pl.Series
    psn_no: pl.Series
    name: pl.Series
    emp_name: pl.Series
    sex: np.ndarray
    born: np.ndarray
    town: np.ndarray
    village: np.ndarray
    insured: np.ndarray
    insutype: np.ndarray
    frail: np.ndarray
    died: np.ndarray
    id_kind: np.ndarray
    detail: np.ndarray
    moved_in: np.ndarray
    insu_codes: tuple[str, ...]
    mass: int = 0

    def insured_code(self, p: int, month: int) -> str:
        """Insured region of person ``p`` in a month of the year (some people come in from elsewhere in July)."""
        return self.insu_codes[OTHER if self.moved_in[p] and month < 7 else int(self.insured[p])]


def _id_kinds(rng: np.random.Generator, n: int, roster: int) -> np.ndarray:
    kind = np.zeros(n, dtype=np.int8)
    u = rng.random(n)
    for code, low, high in (
        (SOMETIMES_WRONG, 0.0, 0.004),
        (ALWAYS_WRONG, 0.004, 0.006),
        (OLD_15, 0.006, 0.016),
        (SOMETIMES_MISSING, 0.016, 0.024),
        (PASSPORT, 0.024, 0.026),
        (NO_ID, 0.026, 0.028),
        (MESSY, 0.028, 0.045),
    ):
        kind[(u >= low) & (u < high)] = code
    on_roster = np.arange(n) < roster
    kind[on_roster & np.isin(kind, (PASSPORT, NO_ID))] = PLAIN_ID
    return kind


def make_people(
    rng: np.random.Generator, place: County, persons: int, year: int, roster: int, *, plain: bool
) -> People:
    """``persons`` people; the first ``roster`` of them form the assistance households."""
    n = persons
    sex = rng.integers(1, 3, n)
    age = np.clip(rng.gamma(4.2, 11.0, n), 1, 97)
    born = np.datetime64(f"{year}-01-01") - (age * 365.25).astype(int) - rng.integers(1, 60, n)
    kind = np.zeros(n, dtype=np.int8) if plain else _id_kinds(rng, n, roster)
    born = np.where(kind == OLD_15, np.minimum(born, np.datetime64("1999-11-30")), born)
    ymd_text = pl.Series("d", born.astype("datetime64[D]")).dt.strftime("%Y%m%d")
    rank = pl.DataFrame({"d": ymd_text, "s": sex}).select(pl.int_range(pl.len()).over("d", "s")).to_series()
    certno = ids.certificate_numbers(
        place.code[:4] + "99", ymd_text.cast(pl.Int64).to_numpy(), rank.to_numpy() * 2 + (sex == 1) + 2
    )
    numbers = certno.to_list() if kind.any() else []
    for p in np.flatnonzero(kind == ALWAYS_WRONG):
        numbers[p] = ids.wrong_digit(numbers[p])
    for p in np.flatnonzero(kind == PASSPORT):
        numbers[p] = f"E{90000000 + p:08d}"
    for p in np.flatnonzero(kind == NO_ID):
        numbers[p] = ""
    certno = pl.Series("certno", numbers) if numbers else certno
    town = rng.integers(0, len(place.townships), n)
    village = rng.integers(1, 12, n)
    insutype = np.where(rng.random(n) < 0.38, 310, 390)
    insutype = np.where(rng.random(n) < 0.002, 380, insutype)
    insutype = np.where(rng.random(n) < 0.0007, 340, insutype)
    insutype[:roster] = np.where(rng.random(roster) < 0.06, 310, 390)
    u = rng.random(n)
    insured = np.select([u < 0.02, u < 0.035, u < 0.05], [ALIAS, OTHER, INSIDE], HOME)
    moved_in = (insured == HOME) & (rng.random(n) < 0.003)
    frail = rng.lognormal(0.0, 1.0, n)
    frail[:roster] *= 1.6
    died = np.full(n, np.datetime64("2200-01-01"), dtype="datetime64[D]")
    gone = (rng.random(n) < 0.006) & (np.arange(n) >= roster)
    died[gone] = np.datetime64(f"{year}-01-01") + rng.integers(20, 360, gone.sum())
    towns = np.array([t[1] for t in place.townships])
    stems = np.array([stem_of(t[1]) for t in place.townships])
    rural = rng.random(n) < 0.6
    employers = pl.Series("e", rng.integers(1, 900, n)).cast(pl.String)
    emp_name = pl.DataFrame(
        {
            "t": towns[town],
            "v": village,
            "e": employers,
            "r": (insutype != 310) & rural,
            "j": insutype == 310,
            "n": stems[np.arange(n) % len(stems)],
            "named": np.arange(n) % 5 == 0,
        }
    ).select(
        pl.when("r")
        .then(pl.col("t") + "第" + pl.col("v").cast(pl.String) + "村民委员会")
        .when(pl.col("j") & pl.col("named"))  # a company named after a township lies anywhere
        .then(pl.col("n") + "合成第" + pl.col("e") + "公司")
        .when("j")
        .then("合成第" + pl.col("e") + "单位")
        .otherwise(pl.lit(""))
        .alias("emp_name")
    )
    detail = rng.random(n) < 0.004
    detail[:roster] = True
    detail &= ~np.isin(kind, (PASSPORT, NO_ID))
    psn_no = pl.Series("p", np.arange(n)).cast(pl.String).str.zfill(12)
    return People(
        n,
        roster,
        certno,
        (place.code + "0000" + psn_no).alias("psn_no"),
        ids.names(rng, n),
        emp_name.to_series(),
        sex,
        born.astype("datetime64[D]"),
        town,
        village,
        insured,
        insutype,
        frail,
        died,
        kind,
        detail,
        moved_in,
        (place.code, place.alias, place.elsewhere[0], place.elsewhere[1], NO_SUCH_CODE),
    )


@dataclass(frozen=True)
class Extra:
    """A person of a planted situation."""

    certno: str
    psn_no: str
    name: str
    sex: int
    born: str
    town: int
    village: int
    insured: int
    insutype: int
    died: str = "2200-01-01"


def with_extras(people: People, extras: list[Extra]) -> People:
    """The people with those of the planted situations behind them (who have no settlements but their own)."""
    k = len(extras)
    people.mass = people.n
    people.n += k

    def texts(old: pl.Series, new: list[str]) -> pl.Series:
        return pl.concat([old, pl.Series(old.name, new, dtype=pl.String)])

    people.certno = texts(people.certno, [e.certno for e in extras])
    people.psn_no = texts(people.psn_no, [e.psn_no for e in extras])
    people.name = texts(people.name, [e.name for e in extras])
    people.emp_name = texts(people.emp_name, [""] * k)
    people.sex = np.append(people.sex, [e.sex for e in extras]).astype(np.int64)
    people.born = np.append(people.born, np.array([e.born for e in extras], dtype="datetime64[D]"))
    people.town = np.append(people.town, [e.town for e in extras]).astype(np.int64)
    people.village = np.append(people.village, [e.village for e in extras]).astype(np.int64)
    people.insured = np.append(people.insured, [e.insured for e in extras]).astype(np.int64)
    people.insutype = np.append(people.insutype, [e.insutype for e in extras]).astype(np.int64)
    people.frail = np.append(people.frail, np.zeros(k))
    people.died = np.append(people.died, np.array([e.died for e in extras], dtype="datetime64[D]"))
    people.id_kind = np.append(people.id_kind, np.zeros(k, dtype=np.int8)).astype(np.int8)
    people.detail = np.append(people.detail, np.ones(k, dtype=bool))
    people.moved_in = np.append(people.moved_in, np.zeros(k, dtype=bool))
    return people
