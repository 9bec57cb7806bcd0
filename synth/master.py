"""Master files: institutions, persons, insurance relations."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from synth.addresses import Addresses
from synth.model import World
from synth.people import NO_ID, PASSPORT, People
from synth.places import County
from synth.settle import Institution
from synth.write import Inbox, Style

ALIVE = np.datetime64("2150-01-01")


def master_files(
    inbox: Inbox,
    place: County,
    people: People,
    homes: Addresses,
    inst: list[Institution],
    world: World,
    year: int,
) -> None:
    """fixmedins_b of the county, psn_info_b and psn_insu_d of its people."""
    listed = [i for i in inst if i.listed and i.region == place.code]
    frame = pl.DataFrame(
        {
            "fixmedins_code": [i.code for i in listed],
            "fixmedins_name": [i.name for i in listed],
            "fix_blng_admdvs": [i.region for i in listed],
            "fixmedins_type": [i.kind for i in listed],
            "hosp_lv": [i.level for i in listed],
            "begntime": [i.begins for i in listed],
            "endtime": [i.ends for i in listed],
            "vali_flag": ["1"] * len(listed),
        }
    )
    inbox.text(f"fixmedins_b_{year}", "fixmedins_b", date(year, 1, 4), [frame], Style("gb18030"))
    ghosts = {f.who for f in world.facts if f.anonymous}
    known = ~np.isin(people.id_kind, (PASSPORT, NO_ID))
    if ghosts:
        known &= ~people.certno.is_in(sorted(ghosts)).to_numpy()
    dead = pl.Series(people.died < ALIVE)
    persons = pl.DataFrame(
        {"psn_no": people.psn_no, "psn_name": people.name, "certno": people.certno, "gend": people.sex,
         "brdy": pl.Series(people.born), "live_addr": homes.living.text, "hsreg_addr": homes.registered.text, "dead": dead, "died": pl.Series(people.died)}
    ).filter(pl.Series(known))  # fmt: skip
    persons = persons.select(
        "psn_no", "psn_name", pl.lit("01").alias("psn_cert_type"), "certno", pl.col("gend").cast(pl.String),
        "brdy", pl.lit("").alias("resdbook_no"),
        "hsreg_addr", "live_addr",
        pl.lit("").alias("tel"), pl.lit("").alias("mob"),
        pl.when("dead").then(pl.lit("2")).otherwise(pl.lit("1")).alias("surv_stas"),
        pl.when("dead").then(pl.col("died").dt.strftime("%Y-%m-%d")).otherwise(pl.lit("")).alias("die_date"),
        pl.lit("1").alias("vali_flag"),
    )  # fmt: skip
    inbox.text(
        f"psn_info_b_{year}", "psn_info_b", date(year + 1, 1, 6), [persons], Style("gb18030", upper=True)
    )
    codes = pl.Series(list(people.insu_codes))[people.insured]
    relation = pl.DataFrame(
        {"psn_no": people.psn_no, "certno": people.certno, "insutype": people.insutype, "insu_admdvs": codes}
    ).filter(pl.Series(known))
    relation = relation.select(
        "psn_no", "certno", pl.col("insutype").cast(pl.String), pl.lit("1").alias("psn_insu_stas"), "insu_admdvs",
        pl.lit(f"{year - 3}-01-01").alias("crt_insu_date"), pl.lit("").alias("paus_insu_date"),
        pl.lit(f"{year - 3}-01-01").alias("psn_insu_date"),
    )  # fmt: skip
    inbox.text(f"psn_insu_d_{year}", "psn_insu_d", date(year + 1, 1, 6), [relation], Style("utf-8-sig", ";"))
