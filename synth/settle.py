"""The settlements of a month: skewed as in life, every identity right to the fen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from synth.people import HOME, INSIDE, OTHER, People
from synth.places import County

PARTS = ("ooc", "ovl", "pre", "pol")
FUNDS = ("hifp", "cvl", "hifes", "hifmi", "hifob", "hifdm", "maf", "oth")
AMOUNTS = (*PARTS, "ded", *FUNDS, "tot", "fund", "psn", "acct", "cash", "mul", "hosp", "tilt")
COUNT, OUT, PART, HOLE = 1, 0, 2, 3  # counts · never counts · refund added to its original · unit incomplete
KINDS = ("41", "11", "14", "13", "21", "25", "9921")
DAYS_SETTLED = 4  # a settlement row is last changed this many days after the settlement


@dataclass(frozen=True)
class Institution:
    """A place of treatment; ``listed`` False: on no list of designated institutions."""

    code: str
    name: str
    kind: str
    level: str
    region: str
    begins: str = "2019-01-01"
    ends: str = ""
    listed: bool = True
    shown_level: str | None = None

    @property
    def on_settlements(self) -> str:
        """The level that settlements of the place show; the list of institutions shows ``level``."""
        return self.level if self.shown_level is None else self.shown_level


def institutions(place: County, year: int) -> list[Institution]:
    """Hospitals, clinics and pharmacies: the last four are the special cases."""
    code, towns = place.code, place.townships
    found = [
        Institution(
            f"H{code}{i + 1:05d}",
            f"{place.name}第{i + 1}人民医院",
            "1",
            "02" if i == 0 else "05",
            code,
        )
        for i in range(4)
    ]
    found += [
        Institution(f"H{code}{i + 101:05d}", f"{towns[i % len(towns)][1]}卫生院", "1", "08", code)
        for i in range(10)
    ]
    found += [
        Institution(f"P{code}{i + 1:05d}", f"合成大药房第{i + 1}分店", "2", "11", code) for i in range(14)
    ]
    away = place.elsewhere[0]
    found += [
        Institution(f"H{away}00001", "市外第一医院", "1", "02", away),
        Institution(f"H{away}00002", "市外第二医院", "1", "05", away),
        Institution(f"H{code}00900", "已停业诊所", "1", "11", code, "2019-01-01", f"{year}-06-30"),
        Institution(f"P{code}00901", "非定点药房", "2", "11", code, listed=False),
    ]
    return found + _of_the_municipality(place) if place.policy == "P" else found


def _of_the_municipality(place: County) -> list[Institution]:
    """Places 32 to 36: two elsewhere in Chongqing (the second needs no referral), two whose level settlements do not
    show (the first is on no list either), a township hospital.
    """
    code = place.code
    return [
        Institution("H50010300001", "市内第一医院", "1", "02", "500103"),
        Institution("H50010200001", "市内第二医院", "1", "05", "500102"),
        Institution(f"H{code}00700", "等级待定医院", "1", "", code),
        Institution(f"H{code}00701", "等级见名册医院", "1", "05", code, shown_level=""),
        Institution(f"H{code}00702", "县中心卫生院", "1", "08", code),
    ]


VISITS_A_YEAR = 14.0  # before people who rarely go are counted in: about 13 a person
N_HOSPITAL, N_CLINIC, N_PHARMACY = 4, 10, 14


def _choose_institution(rng: np.random.Generator, kind: np.ndarray, home: np.ndarray) -> np.ndarray:
    n = len(kind)
    clinic = N_HOSPITAL + home % N_CLINIC
    pharmacy = N_HOSPITAL + N_CLINIC + (home + rng.integers(0, 2, n)) % N_PHARMACY
    hospital = rng.integers(0, N_HOSPITAL, n)
    inst = np.select([kind == 0, (kind == 1) & (rng.random(n) < 0.6)], [pharmacy, clinic], hospital)
    special = N_HOSPITAL + N_CLINIC + N_PHARMACY
    u = rng.random(n)
    inst = np.where(kind == 5, special + rng.integers(0, 2, n), inst)
    inst = np.where((kind == 1) & (u < 0.008), special + 2, inst)
    return np.where((kind == 0) & (u < 0.008), special + 3, inst)


def _share(amount: np.ndarray, rate: np.ndarray | float) -> np.ndarray:
    return np.floor(amount * rate).astype(np.int64)


def month_rows(
    rng: np.random.Generator,
    place: County,
    people: People,
    year: int,
    month: int,
    volume: float,
    *,
    plain: bool,
) -> pl.DataFrame:
    """All settlements of one month before anything happens to them (month 0: December before; 13: January after)."""
    mean = VISITS_A_YEAR / 12 * volume
    relative = people.frail / people.frail[people.frail > 0].mean()
    visits = rng.poisson(mean * np.where(people.frail > 0, np.clip(relative, 0.15, 4.0), 0.0))
    p = np.repeat(np.arange(people.n), visits)
    n = len(p)
    frail, employee = people.frail[p], people.insutype[p] == 310
    inpatient = rng.random(n) < np.clip(0.014 * frail, 0.002, 0.22)
    u = rng.random(n)
    kind = np.select([u < 0.36, u < 0.80, u < 0.95], [0, 1, 2], 3)
    kind = np.where(inpatient, np.where(rng.random(n) < 0.12, 5, 4), kind)
    mu = np.array([4.3, 4.9, 5.7, 5.4, 8.7, 9.3, 8.0])[kind]
    sigma = np.array([0.7, 0.8, 0.7, 0.7, 0.95, 1.0, 0.5])[kind]
    tot = np.exp(mu + sigma * rng.standard_normal(n)) * np.clip(frail, 0.3, 20) ** 0.3
    tot = np.clip(np.floor(tot * 100), 100, 90_000_000).astype(np.int64)
    ooc = _share(tot, rng.random(n) * np.where(kind == 0, 0.5, 0.16))
    ovl = _share(tot, np.where(rng.random(n) < 0.05, 0.01, 0.0))
    pre = _share(tot, rng.random(n) * 0.06)
    pol = tot - ooc - ovl - pre
    ded = np.where(inpatient, np.minimum(pol, 60_000), 0)
    rate = np.select([employee & inpatient, employee, inpatient], [0.84, 0.62, 0.66], 0.42)
    rate = np.where(kind == 0, np.where(employee, 0.0, 0.15), rate)
    hifp = _share(pol - ded, rate)
    large = _share(np.maximum(pol - hifp - 1_500_000, 0), 0.6)
    on_roster = p < people.roster
    maf = np.where(on_roster & inpatient, _share(pol - hifp - large, 0.35), 0)
    hifmi, hifob = np.where(employee, 0, large), np.where(employee, large, 0)
    cvl = np.where(employee & (rng.random(n) < 0.04), _share(pol - hifp - large, 0.3), 0)
    hosp = np.where(inpatient & (rng.random(n) < 0.01), _share(tot, 0.01), 0)
    fund = hifp + hifmi + hifob + maf + cvl
    psn = tot - fund - hosp
    acct = np.where(employee, _share(psn, np.where(rng.random(n) < 0.45, 1.0, rng.random(n))), 0)
    mul = np.where(employee & (rng.random(n) < 0.02), _share(psn - acct, 0.5), 0)
    insured = np.where(people.moved_in[p] & (month < 7), OTHER, people.insured[p])
    insured = np.where((insured > HOME) & people.moved_in[p] & (month >= 7), HOME, insured)
    fund = fund + np.where(insured == INSIDE, acct, 0)
    zero = np.zeros(n, dtype=np.int64)
    first = np.datetime64(f"{year - 1}-12") + month
    length = int(((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(int))
    when = first.astype("datetime64[s]") + rng.integers(0, length * 86_400, n)
    day = when.astype("datetime64[D]")
    stay = np.where(inpatient, rng.integers(2, 20, n), 0)
    prefix = f"{place.code}{str(first).replace('-', '')}"
    frame = pl.DataFrame(
        {
            "p": p.astype(np.int32),
            "seq": np.arange(n, dtype=np.int64),
            "inst": _choose_institution(rng, kind, people.town[p]).astype(np.int16),
            "kind": kind.astype(np.int8),
            "insured": insured.astype(np.int8),
            "insutype": people.insutype[p].astype(np.int32),
            "begndate": (day - stay).astype("datetime64[ms]"),
            "enddate": day.astype("datetime64[ms]"),
            "setl_time": when.astype("datetime64[ms]"),
            "ooc": ooc, "ovl": ovl, "pre": pre, "pol": pol, "ded": ded, "hifp": hifp, "cvl": cvl,
            "hifes": zero, "hifmi": hifmi, "hifob": hifob, "hifdm": zero, "maf": maf, "oth": zero,
            "tot": tot, "fund": fund, "psn": psn, "acct": acct, "cash": psn - acct - mul, "mul": mul,
            "hosp": hosp, "tilt": zero,
        }
    )  # fmt: skip
    frame = frame.filter(pl.Series(day <= people.died[p]))
    if not plain:
        mother = pl.Series(people.sex[frame["p"].to_numpy()] == 2)
        newborn = (pl.col("kind") == 4) & (pl.col("seq") % 23 == 5) & mother
        frame = frame.with_columns(
            pl.when(newborn).then(pl.lit(6, pl.Int8)).otherwise("kind").alias("kind"),
        )
    return frame.select(
        "p", "inst", "insured", "insutype", "begndate", "enddate", "setl_time", *AMOUNTS,
        (pl.lit(prefix) + pl.col("seq").cast(pl.String).str.zfill(9)).alias("setl_id"),
        (pl.lit("M" + prefix) + pl.col("seq").cast(pl.String).str.zfill(9)).alias("mdtrt_id"),
        pl.lit("").alias("init_setl_id"),
        pl.col("kind").cast(pl.String).replace(dict(zip(map(str, range(7)), KINDS, strict=True)))
        .alias("med_type"),
        pl.lit("2").alias("setl_type"), pl.lit("").alias("manl"), pl.lit("0").alias("refd"),
        pl.lit("1").alias("vali"), pl.lit("0").alias("out_flag"),
        pl.when(pl.col("kind") == 6).then(pl.lit("1")).otherwise(pl.lit("0")).alias("nwb"),
        (pl.col("setl_time") + pl.duration(days=DAYS_SETTLED)).alias("updt_time"),
        pl.lit(COUNT, pl.Int8).alias("t"),
        pl.col("setl_time").dt.year().cast(pl.Int32).alias("t_year"),
        pl.col("setl_time").alias("t_time"),
        pl.lit(0, pl.Int16).alias("ver"), pl.lit(False).alias("multi"), pl.lit(0, pl.Int8).alias("odd"),
        pl.lit(True).alias("pol_ok"), pl.lit(False).alias("rej"),
        pl.lit(True).alias("tilt_ok"), pl.lit("").alias("refl"), pl.lit("").alias("dise"),
    ).with_columns(t_id=pl.col("setl_id"))  # fmt: skip
