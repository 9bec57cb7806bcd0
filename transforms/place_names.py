"""Townships in open text: names of `regions.csv`, with and without 镇/乡/街道, longest match, unique within a county.

A text that names a county or city of the list is looked up there only, and what it names stands wherever the person
is insured: such a code is marked (`=330112116`). Where a text names no county, townships of that name in all counties
are candidates; the county of the person decides later. A text that begins with a province, city or county outside the
list names none of these townships. Rather no township than a wrong one: a name without its ending is none where a
road, an estate or a village goes on from it (太阳路, 太阳花园, 板桥村), and two townships in one text are none.
"""

from __future__ import annotations

import re

import polars as pl

SURE = "="
"""Before a township code: the county is said, too."""
_ENDING = r"(?:街道|镇|乡)$"
_ENDINGS = ("街道", "镇", "乡")
_PEOPLES = r"(?:畲|苗|土家|回|侗|壮|满|瑶|彝|藏|布依|仡佬|蒙古|朝鲜|维吾尔|哈萨克)族"
"""凤阳畲族乡 is written 凤阳乡 and 凤阳."""
_GENERIC = r"^(?:经济|技术|高新|工业|经济技术)?(?:开发区|产业园|工业园|园区|新区|林场|农场)$"
"""A township with the name of many places: it is meant where its county stands right before it, or nothing."""
_AREA_ENDING = r"(?:苗族土家族自治县|自治县|自治区|新区|区|县|市|省)$"
_VILLAGE = r"^(?:人民政府|办事处)?([\p{Han}]{1,12}?(?:社区|居委会|村))"
_ODD = r"[\s\p{P}\u200b-\u200f\ufeff\uff01-\uff5e於]"
_GOES_ON = (
    r"^(?:[东西南北中]?(?:大?[路街巷弄]|大道|支路)|小区|新村|花园|家园|公寓|大厦|大楼|广场|山庄|名?[苑城庭邸府]|村|社区|居委会"
    r"|能|[^镇乡]{0,6}(?:公司|厂|店|宾馆|饭店|集团)|水库)"
)
_BY_NATURE = r"^(?:桥|[湖河溪山江港站口])"
"""What makes a name without 镇/乡/街道 the name of something else; a school or hospital of that name is in the town.
太阳山 and 青山湖 are none either, but 於潜河桥路 is a road in 於潜: another township's name goes on there, not its own."""
_STREET = r"^[\p{Han}]{1,12}?村(?:[路街巷弄]|大道|小区|花园|公寓|山庄|大厦)"
_STEP = r"[^\W\d_镇乡街道村路弄巷号小社幢栋]"
_ELSEWHERE = rf"^(?:{_STEP}{{2,8}}?(?:省|自治区)|{_STEP}{{2,5}}?(?:市|自治州|州|地区|盟)|{_STEP}{{1,9}}?(?:自治县|区|县|市|旗))"
"""A province, city or county where those of the list have been taken off the front."""
_ZONES = r"^(?:(?:经济|高新|科技|开发|工业|旅游|新区|风景|产业|城区|市区|县城|主城))"


def plain(texts: pl.Expr) -> pl.Expr:
    """A text as it is compared: half-width, without blanks and marks, 於 as 于."""
    bare = texts.str.normalize("NFKC").str.replace_all(r"[\s\p{P}\u200b-\u200f\ufeff]+", "")
    return (
        pl.when(texts.str.contains(_ODD))
        .then(bare.str.replace_all("於", "于", literal=True))
        .otherwise(texts)
    )


class Townships:
    """The townships of a region table (`code, name_zh, level, parent_code`) ready to be found in texts."""

    def __init__(self, regions: pl.DataFrame) -> None:
        areas = regions.select(
            "code", "level", "parent_code", name_zh=plain(pl.col("name_zh").cast(pl.String))
        ).cast(pl.String)
        towns = areas.filter(pl.col("level") == "township")
        stem = pl.col("name_zh").str.replace(_ENDING, "")
        stem = stem.str.replace_all(_PEOPLES, "")
        generic = pl.col("name_zh").str.contains(_GENERIC)
        base = (
            towns.filter(~generic)
            .select("code", county="parent_code", own="name_zh", stem=stem)
            .filter(pl.col("stem").str.len_chars() >= 2)
        )
        own = towns.filter(~generic).select(
            "code", county="parent_code", name="name_zh", complete=pl.lit(True)
        )
        # a township that has become a 街道 goes on under its old name for years
        other = pl.concat(
            [
                base.select("code", "county", name=pl.col("stem") + end, complete=pl.lit(True))
                for end in _ENDINGS
            ]
        ).join(own, on=["county", "name"], how="anti")
        bare = base.select("code", "county", name="stem", complete=pl.lit(False)).join(
            own, on=["county", "name"], how="anti"
        )
        counties = areas.filter(pl.col("level") == "county")
        of_many = towns.filter(generic).select(
            "code", county="parent_code", name="name_zh", complete=pl.lit(True)
        )
        said = of_many.join(counties.select(county="code", area="name_zh"), on="county")
        said = pl.concat([said, said.with_columns(pl.col("area").str.replace(_AREA_ENDING, ""))])
        after_county = said.with_columns(name=pl.col("area") + pl.col("name")).select(of_many.columns)
        self.names = pl.concat([own, other, bare, of_many, after_county]).unique(maintain_order=True)
        self._of_many = of_many["name"].unique(maintain_order=True).to_list()
        self._beside = (self.names["county"] + self.names["name"]).to_list()
        every = sorted(set(self.names["name"]), key=lambda name: (-len(name), name))
        self._first = f"^({'|'.join(map(re.escape, every))})"
        cities = areas.filter(pl.col("level") == "city").select(
            pl.col("code").alias("city"), city_name="name_zh"
        )
        below = counties.join(cities, left_on="parent_code", right_on="city", how="inner")
        named = pl.concat(
            [counties.select(county="code", area="name_zh"), below.select(county="code", area="city_name")]
        )
        short = named.with_columns(pl.col("area").str.replace(_AREA_ENDING, ""))
        self.areas = (
            pl.concat([named, short]).filter(pl.col("area").str.len_chars() >= 2).unique(maintain_order=True)
        )
        above = areas.filter(pl.col("level").is_in(["province", "city", "county"]))["name_zh"]
        words = sorted({w for n in above for w in (n, _bare(n)) if len(w) >= 2}, key=lambda w: (-len(w), w))
        ending = "(?:自治县|自治区|新区|省|市|区|县)?"
        self._counties = counties["name_zh"].to_list()
        like_areas = towns.filter(pl.col("name_zh").str.contains(_ELSEWHERE))["name_zh"].unique().sort()
        self._towns = f"^(?:{'|'.join(map(re.escape, like_areas))})" if len(like_areas) else r"^\b$"
        self._ours = f"^(?:中国)?(?:(?:{'|'.join(words)}){ending})+" if words else "^$"

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
        frame = pl.DataFrame({"text": texts}).with_columns(plain=plain(pl.col("text")))
        frame = frame.filter(~self._foreign(pl.col("plain")))
        names = self.names["name"].unique(maintain_order=True).to_list()
        hits = (
            frame.with_columns(name=pl.col("plain").str.extract_many(names, overlapping=True))
            .explode("name")
            .drop_nulls("name")
            .unique()
            .join(self.names, on="name")
            .with_columns(after=pl.col("plain").str.splitn(pl.col("name"), 2).struct.field("field_1"))
            .pipe(self._first_read)
            .filter(self._meant())
        )
        best = self._best(hits)
        areas = self.areas["area"].unique(maintain_order=True).to_list()
        named = (
            frame.with_columns(area=pl.col("plain").str.extract_many(areas, overlapping=True))
            .explode("area")
            .drop_nulls("area")
            .unique()
            .join(self.areas, on="area")
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
        return (
            pl.concat([within, free])
            .with_columns(
                village=pl.when(~pl.col("after").str.contains(_STREET)).then(
                    pl.col("after").str.extract(_VILLAGE, 1)
                )
            )
            .sort("text", "code")
            .group_by("text", maintain_order=True)
            .agg(
                township_codes=pl.col("code").unique(maintain_order=True).str.join("|"),
                # two counties may have read it differently
                village=pl.when(pl.col("village").n_unique() == 1).then(pl.col("village").first()),
            )
        )

    def _meant(self) -> pl.Expr:
        """Whether a name (of `county`, with `after` behind it) stands for the township in the text `plain`."""
        after = pl.col("after").fill_null("")
        beside = (pl.col("county") + after.str.extract(self._first)).is_in(self._beside).fill_null(False)
        named_after = after.str.contains(_GOES_ON) | (after.str.contains(_BY_NATURE) & ~beside)
        of_many = pl.col("name").is_in(self._of_many) & ~pl.col("plain").str.starts_with(pl.col("name"))
        whole = pl.col("complete") & pl.col("name").str.contains(_ENDING)
        return (whole | ~named_after) & ~of_many

    @staticmethod
    def _first_read(hits: pl.DataFrame) -> pl.DataFrame:
        """Without short names that begin within another name of the text, or are the beginning of a longer one, whatever
        its county: 双桂山庄 is no 桂山, 金溪下村 no 溪下, 百丈漈 no 百丈."""
        begins = pl.col("plain").str.find(pl.col("name"), literal=True)
        placed = hits.with_columns(begins=begins, ends=begins + pl.col("name").str.len_bytes())
        short = placed.filter(~pl.col("complete")).select("text", "name", "begins", "ends").unique()
        others = placed.select("text", earlier="begins", end="ends").unique()
        inside = (pl.col("earlier") < pl.col("begins")) & (pl.col("begins") < pl.col("end"))
        longer = (pl.col("earlier") == pl.col("begins")) & (pl.col("ends") < pl.col("end"))
        return hits.join(
            short.join(others, on="text").filter(inside | longer), on=["text", "name"], how="anti"
        )

    @staticmethod
    def _best(hits: pl.DataFrame) -> pl.DataFrame:
        """Of each text and county the township that it names: complete names before short ones, of names within each
        other (青山 within 青山湖) the longest; where two townships are left, none."""
        size = pl.col("name").str.len_chars()
        best = hits.filter(pl.col("complete") == pl.col("complete").max().over("text", "county"))
        one = pl.col("code").n_unique().over("text", "county") == 1
        alone, several = best.filter(one), best.filter(~one)
        inner = (
            several.select("text", "county", "name")
            .join(several.select("text", "county", outer="name"), on=["text", "county"])
            .filter(
                pl.col("name") != pl.col("outer"), pl.col("outer").str.contains(pl.col("name"), literal=True)
            )
        )
        left = several.join(inner, on=["text", "county", "name"], how="anti").filter(one)
        longest = size == size.max().over("text", "county")
        return pl.concat([alone, left]).filter(longest)

    def _foreign(self, text: pl.Expr) -> pl.Expr:
        """The text begins with a province, city or county outside the list and names no county of the list in full."""
        rest = text.str.replace(self._ours, "")
        elsewhere = rest.str.contains(_ELSEWHERE) & ~rest.str.contains(_ZONES)
        # 县特产场场区 is a township of the list although its name ends like a district
        town = rest.str.contains(self._towns)
        return elsewhere & ~town & ~text.str.contains_any(self._counties)


def _bare(name: str) -> str:
    """An area without 区, 县, 市, 省."""
    for ending in ("苗族土家族自治县", "自治县", "自治区", "新区", "区", "县", "市", "省"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


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
