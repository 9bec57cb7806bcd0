"""Townships in open text: names of `regions.csv`, with and without 镇/乡/街道, longest match, unique within a county.

A text that names a county or city of the list is looked up there only, and what it names stands wherever the person
is insured: such a code is marked (`=330112116`). Where a text names no county, townships of that name in all counties
are candidates; the county of the person decides later.
"""

from __future__ import annotations

import polars as pl

SURE = "="
"""Before a township code: the county is said, too."""
_ENDING = r"(?:街道|镇|乡)$"
_AREA_ENDING = r"(?:苗族土家族自治县|自治县|新区|区|县|市|省)$"
_VILLAGE = r"^(?:人民政府|办事处)?([\p{Han}]{1,12}?(?:社区|居委会|村))"


class Townships:
    """The townships of a region table (`code, name_zh, level, parent_code`) ready to be found in texts."""

    def __init__(self, regions: pl.DataFrame) -> None:
        areas = regions.select(pl.col("code", "name_zh", "level", "parent_code").cast(pl.String))
        towns = areas.filter(pl.col("level") == "township")
        stem = pl.col("name_zh").str.replace(_ENDING, "")
        self.names = (
            pl.concat([towns.select("code", county="parent_code", name="name_zh"),
                       towns.select("code", county="parent_code", name=stem).filter(pl.col("name").str.len_chars() >= 2)])
            .unique(maintain_order=True)
        )  # fmt: skip
        counties = areas.filter(pl.col("level") == "county")
        cities = areas.filter(pl.col("level") == "city").select(
            pl.col("code").alias("city"), city_name="name_zh"
        )
        below = counties.join(cities, left_on="parent_code", right_on="city", how="inner")
        named = pl.concat(
            [counties.select(county="code", area="name_zh"), below.select(county="code", area="city_name")]
        )
        bare = named.with_columns(pl.col("area").str.replace(_AREA_ENDING, ""))
        self.areas = (
            pl.concat([named, bare]).filter(pl.col("area").str.len_chars() >= 2).unique(maintain_order=True)
        )

    def find(self, texts: pl.Series) -> pl.DataFrame:
        """`township_codes` (joined by |, `=` before those whose county the text names) and `village` of each text.

        Same order; null where nothing is found.
        """
        nothing = pl.DataFrame({"text": [], "township_codes": [], "village": []}, schema=[
            ("text", pl.String), ("township_codes", pl.String), ("village", pl.String)])  # fmt: skip
        distinct = texts.drop_nulls().unique()
        found = self._distinct(distinct) if len(distinct) and self.names.height else nothing
        asked = pl.DataFrame({"text": texts.cast(pl.String)})
        return asked.join(found, on="text", how="left", maintain_order="left").drop("text")

    def _distinct(self, texts: pl.Series) -> pl.DataFrame:
        frame = pl.DataFrame({"text": texts})
        names = self.names["name"].unique(maintain_order=True).to_list()
        hits = (
            frame.with_columns(name=pl.col("text").str.extract_many(names, overlapping=True))
            .explode("name")
            .drop_nulls("name")
            .unique()
            .join(self.names, on="name")
            .with_columns(length=pl.col("name").str.len_chars())
        )
        # 锦城 within 锦城街道: of one county only the longest name counts, and it must mean one township
        best = hits.filter(pl.col("length") == pl.col("length").max().over("text", "county"))
        best = best.filter(pl.col("code").n_unique().over("text", "county") == 1)
        areas = self.areas["area"].unique(maintain_order=True).to_list()
        named = (
            frame.with_columns(area=pl.col("text").str.extract_many(areas, overlapping=True))
            .explode("area")
            .drop_nulls("area")
            .unique()
            .join(self.areas, on="area")
            .with_columns(size=pl.col("area").str.len_chars())
            # 临安区 beats 杭州市: the narrowest area that is named decides
            .with_columns(n=pl.len().over("text", "area"))
            .filter(pl.col("n") == pl.col("n").min().over("text"))
            .select("text", "county")
            .unique()
        )
        within = best.join(named, on=["text", "county"], how="semi").with_columns(
            code=pl.lit(SURE) + pl.col("code")
        )
        free = best.join(named.select("text").unique(), on="text", how="anti")
        kept = pl.concat([within, free])
        after = pl.col("text").str.splitn(pl.col("name"), 2).struct.field("field_1")
        return (
            kept.with_columns(village=after.str.extract(_VILLAGE, 1))
            .sort("text", "code")
            .group_by("text", maintain_order=True)
            .agg(
                township_codes=pl.col("code").unique(maintain_order=True).str.join("|"),
                village=pl.col("village").first(),
            )
        )


def sure_within(codes: pl.Series, regions: pl.Series) -> pl.Series:
    """Township codes with those marked that lie in the region that the row itself states (6 digits, same length)."""
    pairs = pl.DataFrame({"codes": codes, "region": regions})
    distinct = pairs.drop_nulls().unique()
    marked = [
        "|".join(SURE + code if code.startswith(region) else code for code in found.split("|"))
        for found, region in distinct.iter_rows()
    ]
    table = distinct.with_columns(marked=pl.Series(marked, dtype=pl.String))
    looked_up = pairs.join(table, on=["codes", "region"], how="left", maintain_order="left")
    return looked_up.select(pl.coalesce("marked", "codes")).to_series()
