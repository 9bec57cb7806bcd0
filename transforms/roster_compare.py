"""Two lists of people of the same counties against each other, both ways."""

from __future__ import annotations

import polars as pl


def differences(listed: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Who stands on one of two lists only: region_code, person_key, `listed` (on the first one, not on the other).

    Both: person_key, region_code. Only counties of which the first list names anybody are compared.
    """
    key = ["region_code", "person_key"]
    one = listed.select(key).drop_nulls().unique()
    two = (
        other.select(key)
        .drop_nulls()
        .unique()
        .join(one.select("region_code").unique(), on="region_code", how="semi")
    )
    return pl.concat(
        [
            one.join(two, on=key, how="anti").with_columns(listed=pl.lit(True)),
            two.join(one, on=key, how="anti").with_columns(listed=pl.lit(False)),
        ]
    ).sort("region_code", "listed", "person_key", descending=[False, True, False])
