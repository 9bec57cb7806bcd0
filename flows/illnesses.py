"""Illnesses of the costs of units under a relief whose threshold can be read as one for each illness (A-W01)."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from flows.counting import KEYS
from schemas.policy import HouseholdCap
from stores import lake
from stores.home import Home
from transforms import versions
from transforms.burden import Burdens
from transforms.illness import with_illness
from transforms.units import Units

BY_ILLNESS = "A-W01"
"""The entry of the register under which costs are told apart by illness."""


def with_illnesses(
    home: Home, files: pl.DataFrame, caps: list[tuple[HouseholdCap, Units]], burdens: Burdens
) -> Burdens:
    """The burdens with the illness of each settlement of these units' members; as they are where no rule asks."""
    asking = [found.members.select("person_key") for cap, found in caps if BY_ILLNESS in cap.readings]
    if not asking or not lake.delivered(files, "setl_diag_list_d"):
        return burdens
    own = burdens.settlements.join(pl.concat(asking).unique(), on="person_key", how="semi")
    visits = own["mdtrt_id"].drop_nulls().unique()
    rows = lake.scan(home, "setl_diag_list_d", files).filter(pl.col("mdtrt_id").is_in(visits.implode()))
    current, _ = versions.current(rows, KEYS["setl_diag_list_d"], files, updt=None)
    named = with_illness(own, current.collect(engine="streaming")).select("setl_id", "illness")
    return replace(
        burdens,
        settlements=burdens.settlements.join(
            named.unique("setl_id"), on="setl_id", how="left", maintain_order="left"
        ),
    )
