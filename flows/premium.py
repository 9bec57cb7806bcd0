"""Premium subsidy of a year (资助参保, P-05 to P-10; Z-22): what the lake and the reference tables give to the rules.

Only the premium lines of people on rosters or in the subsidy ledger are read. A year without premium lines, a missing
standard and a missing ledger are one finding each; nothing is taken for 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from flows.configuration import Configuration
from flows.counting import KEYS
from flows.rosters import Rosters
from flows.year import Tables, Year
from schemas.premium import PremiumSubsidy, premium_subsidies
from schemas.reference import ranked_categories
from stores import lake
from stores.home import Home
from transforms import facts, versions
from transforms.identity import People, keys_of, with_person
from transforms.ledger import Ids
from transforms.rules import premium, premium_result
from transforms.rules.premium_lines import insurance_year, ledger_sums, payments, standing
from transforms.spans import best_code_spans, on_day, overlapping

PREMIUM, LEDGER = "rsdt_psn_clct_detl_d", "subsidy_ledger"


@dataclass(frozen=True)
class Ledger:
    """资助参保台账 of an insurance year: `sums` by person, and the places (6 digits; "": unsaid) that it came for."""

    sums: pl.DataFrame
    places: frozenset[str]

    def came_for(self, county: str) -> bool:
        """Whether a ledger of the year came for the county, or one that says no place."""
        return "" in self.places or county in self.places


@dataclass(frozen=True)
class Given:
    """What premium lines, ledger and rules are looked up with; a `Year` has all of it too."""

    home: Home
    files: pl.DataFrame
    configuration: Configuration
    people: People
    rosters: Rosters
    year: int
    ids: Ids


@dataclass(frozen=True)
class Drafted:
    """The subsidy of one policy before any word on its lines; objects: how many people its rosters name."""

    subsidy: PremiumSubsidy
    found: premium_result.Drafts
    objects: int


@dataclass(frozen=True)
class Premiums:
    """All that is drafted for a year: the policies' lines, and what they were drafted from."""

    drafted: tuple[Drafted, ...]
    certificates: pl.DataFrame
    lines: pl.DataFrame
    ledger: Ledger
    delivered: bool


def premiums(year: Given | Year) -> Premiums:
    """The lines of the insurance year, policy by policy, before decisions."""
    certificates = overlapping(
        year.rosters.certificates, date(year.year - 1, 1, 1), date(year.year, 12, 31)
    ).drop_nulls("code")
    counties = certificates["county_code"].drop_nulls().unique().to_list()
    ledger = ledger_of(year)
    rules = premium_subsidies(year.configuration.policies, [*counties, *(ledger.places - {""})])
    ruled = {county for each in rules for county in each.counties}
    held = certificates.filter(pl.col("county_code").is_in(sorted(ruled)))
    people = pl.concat([held["person_key"], ledger.sums["person_key"]]).unique()
    lines = premium_lines(year, people)
    drafted = tuple(_of_policy(year, each, certificates, lines, ledger) for each in rules)
    return Premiums(drafted, certificates, lines, ledger, premium_delivered(year))


def undecided(found: Premiums, year: int) -> Tables:
    """benefit_line and benefit_item before any word on a line, for the fingerprints of decisions."""
    made = [premium_result.results(each.found, each.subsidy, year) for each in found.drafted]
    if not made:
        return {}
    return {
        "benefit_line": pl.concat([each.lines for each in made]),
        "benefit_item": pl.concat([each.items for each in made]),
    }


def premium_subsidy(year: Year, tables: Tables) -> Tables:
    """Family: mart.premium_subsidy, its benefit lines, items and review cases, and findings."""
    known = year.premiums or premiums(year)
    ruled = {county for each in known.drafted for county in each.subsidy.counties}
    found: list[Tables] = [_decided(year, each, known) for each in known.drafted]
    found.append(_without_rate(year, ruled, known.certificates, known.lines, known.ledger))
    names = sorted({name for part in found for name in part})
    return {
        name: pl.concat([part[name] for part in found if name in part], how="diagonal_relaxed")
        for name in names
    }


def premium_lines(year: Given | Year, people: pl.Series) -> pl.DataFrame:
    """The lines of all insurance years that stand (`premium_lines.standing`) of these people."""
    keys = keys_of(people, year.people.links)
    rows = (
        lake.scan(year.home, PREMIUM, year.files)
        .filter(pl.col("id_key").is_in(keys.implode()))
        .collect(engine="streaming")
    )
    current, _ = versions.current(rows.lazy(), KEYS[PREMIUM], year.files)
    return standing(with_person(current, year.people.links).collect())


def premium_delivered(year: Given | Year) -> bool:
    """Whether any premium line of the insurance year has been received."""
    years = lake.scan(year.home, PREMIUM, year.files).select(insurance_year()).unique()
    return year.year in set(years.collect(engine="streaming")["insurance_year"])


def ledger_of(year: Given | Year) -> Ledger:
    """The subsidy ledger of the insurance year: identical rows of several files once."""
    rows = lake.scan(year.home, LEDGER, year.files)
    kept = versions.without(rows, facts.repeated(rows, year.files)).filter(
        pl.col("insurance_year") == year.year
    )
    mine = with_person(kept, year.people.links).collect()
    alias = year.configuration.reference["region_alias"].filter(pl.col("use") == "roster")
    codes = mine["region_code"].str.slice(0, 6).replace(dict(alias.select("code", "stands_for").iter_rows()))
    mine = mine.with_columns(region_code=codes)
    return Ledger(ledger_sums(mine, year.year), frozenset(mine["region_code"].fill_null("").unique()))


def _of_policy(
    year: Given | Year,
    subsidy: PremiumSubsidy,
    certificates: pl.DataFrame,
    lines: pl.DataFrame,
    ledger: Ledger,
) -> Drafted:
    """The drafts of one policy."""
    own = certificates.filter(
        pl.col("county_code").is_in(list(subsidy.counties)) & pl.col("code").is_in(list(subsidy.categories))
    )
    objects = own.select("person_key").unique()
    rows = (
        payments(lines, year.year)
        .join(ledger.sums, on="person_key", how="full", coalesce=True)
        .join(objects, on="person_key", how="semi")
        .with_columns(has_premium=pl.col("n_lines").is_not_null(), tier=pl.coalesce("tier", "ledger_tier"))
        .sort("person_key")
    )
    placed = premium.with_categories(rows, own, subsidy, year.year)
    placed = _with_places(year, placed, subsidy, ledger)
    return Drafted(subsidy, premium_result.drafts(placed, subsidy, year.year, year.ids), objects.height)


def _decided(year: Year, each: Drafted, known: Premiums) -> Tables:
    """The results of one policy after decisions."""
    found = premium_result.results(each.found, each.subsidy, year.year, year.rulings)
    outside = _outside(year, each.subsidy, known.certificates, known.ledger, found)
    notes = _notes(year, each.subsidy, found, each.objects, known.ledger, known.delivered)
    return {
        "premium_subsidy": found.subsidies,
        "benefit_line": found.lines,
        "benefit_item": found.items,
        "review_case": found.cases,
        "roster_finding": pl.concat([*notes, outside], how="diagonal_relaxed"),
    }


def _with_places(
    year: Given | Year, rows: pl.DataFrame, subsidy: PremiumSubsidy, ledger: Ledger
) -> pl.DataFrame:
    """Adds standard_fen and has_ledger of the county that recognised the person."""
    standards = year.configuration.reference["premium_standard"]
    known = [
        (code, premium.standard_of(standards, code, year.year), ledger.came_for(code))
        for code in subsidy.counties
    ]
    schema = {"_county": pl.String, "standard_fen": pl.Int64, "has_ledger": pl.Boolean}
    counties = pl.DataFrame(known, schema=schema, orient="row")
    return (
        rows.with_columns(_county=pl.coalesce("day_county", "best_county"))
        .join(counties, on="_county", how="left", maintain_order="left")
        .drop("_county")
        .with_columns(pl.col("has_ledger").fill_null(False))
    )


FINDING = pl.Schema(
    {"rule_id": pl.String, "region_code": pl.String, "person_key": pl.Int64, "finding": pl.String,
     "n_rows": pl.Int64, "amount_fen": pl.Int64, "suggestion": pl.String}
)  # fmt: skip


def finding(
    rule: str, region: str | None, text: str, suggestion: str, n: int | None = 1, fen: int | None = None
) -> pl.DataFrame:
    """One row of mart.roster_finding."""
    return pl.DataFrame([(rule, region, None, text, n, fen, suggestion)], schema=FINDING, orient="row")


def _notes(
    year: Year,
    subsidy: PremiumSubsidy,
    found: premium_result.Subsidies,
    objects: int,
    ledger: Ledger,
    delivered: bool,
) -> list[pl.DataFrame]:
    """What is missing, and what a person should look at, one row each and county."""
    notes = [FINDING.to_frame()]
    if objects and not delivered:
        text = f"未收到 {year.year} 年度居民缴费明细，资助参保金额无法核定"
        notes.append(
            finding(
                "P-05", subsidy.counties[0], text, "请报送居民缴费明细（rsdt_psn_clct_detl_d）。", objects
            )
        )
    for (county,), own in found.subsidies.group_by("region_code", maintain_order=True):
        notes += _county_notes(year, str(county), own, ledger.came_for(str(county)))
    return notes


def _county_notes(year: Year, county: str, own: pl.DataFrame, has_ledger: bool) -> list[pl.DataFrame]:
    """Findings about the subsidies of one county."""
    reason = pl.col("reason").fill_null("")
    known = own.filter(pl.col("subsidy_fen").is_not_null())
    under, over = (own.filter(pl.col("verdict") == word) for word in ("under", "over"))
    asked: list[tuple[int, str, str, int | None, str]] = [
        (
            own.filter(reason.str.contains(premium.NO_STANDARD)).height,
            "P-05",
            f"参考表 premium_standard.csv 缺 {county} {year.year} 年度一档个人缴费标准，资助金额未定",
            None,
            "请在参考表 premium_standard.csv 中补充该年度一档个人缴费标准及其出处。",
        ),
        (
            own.filter(reason.str.contains(premium.NO_TIER)).height,
            "P-08",
            f"{year.year} 年度缴费档次不明，资助金额未定",
            None,
            "请在居民缴费明细中补齐缴费档次（clct_grde）。",
        ),
        (
            0 if has_ledger else known.height,
            "P-05",
            f"未收到 {year.year} 年度资助参保台账，应资助金额无法与实际核对",
            int(known["subsidy_fen"].sum()),
            "请报送资助参保台账；收到以前不判定应资助未资助。",
        ),
        (
            under.height,
            "P-05",
            f"{year.year} 年度应资助而未资助或少资助",
            int(under["difference_fen"].sum()),
            "请核对 mart.premium_subsidy 中 verdict = under 的人员后补资助，或更正台账。",
        ),
        (
            over.height,
            "P-05",
            f"{year.year} 年度台账资助多于应资助",
            -int(over["difference_fen"].sum()),
            "请核对 mart.premium_subsidy 中 verdict = over 的人员；年内类别变化的看复核事项。",
        ),
        (
            own.filter(reason.str.contains(premium_result.OTHER_PLACE)).height,
            "P-10",
            "资助参保台账的资助地与认定地不符",
            None,
            "按认定地资助，请核对由哪里资助。",
        ),
        (
            known.filter("before_document").height,
            "P-05",
            f"{year.year} 年度的缴费早于文件日期，资助金额按文件算出，仅供参考",
            int(known.filter("before_document")["subsidy_fen"].sum()),
            "文件日期以前的资助按当时的规定办理。",
        ),
    ]
    return [finding(rule, county, text, todo, n, fen) for n, rule, text, fen, todo in asked if n]


def _outside(
    year: Year,
    subsidy: PremiumSubsidy,
    certificates: pl.DataFrame,
    ledger: Ledger,
    found: premium_result.Subsidies,
) -> pl.DataFrame:
    """Findings, one a person: subsidised by the ledger of a place of this policy, with no such category on its roster."""
    sums = _placed(year, certificates, ledger).filter(pl.col("county_code").is_in(list(subsidy.counties)))
    rows = premium_result.not_entitled(sums, found.subsidies, found.lines)
    return rows.select(
        rule_id=pl.lit("P-05"),
        region_code="county_code",
        person_key="person_key",
        finding=pl.lit(f"{year.year} 年度资助参保台账有资助，名册上没有可资助的类别"),
        n_rows=pl.lit(1, pl.Int64),
        amount_fen="actual_fen",
        suggestion=pl.lit("请核对认定日期和资助身份：名册漏报的补报名册，资助有误的更正台账。"),
    ).cast(FINDING)  # fmt: skip


def _placed(year: Year, certificates: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """The ledger's people with the county they belong to: of their roster, else of the ledger, else of their cover."""
    listed = (
        certificates.sort("person_key", "valid_to", "county_code")
        .unique("person_key", keep="last", maintain_order=True)
        .select("person_key", _listed="county_code")
    )
    homes = year.persons.select("person_key", _home="region_code")
    return (
        ledger.sums.join(listed, on="person_key", how="left", maintain_order="left")
        .join(homes, on="person_key", how="left", maintain_order="left")
        .with_columns(county_code=pl.coalesce("_listed", "ledger_region", "_home"))
        .drop("_listed", "_home")
    )


def _without_rate(
    year: Year, ruled: set[str], certificates: pl.DataFrame, lines: pl.DataFrame, ledger: Ledger
) -> Tables:
    """Subsidies on record in places whose documents give no rate (Z-22): who got how much out of what."""
    rows = _placed(year, certificates, ledger).filter(
        ~pl.col("county_code").is_in(sorted(ruled)).fill_null(False)
    )
    if rows.is_empty():
        return {"premium_subsidy": premium_result.SUBSIDY.to_frame()}
    standards = year.configuration.reference["premium_standard"]
    known = {
        code: premium.standard_of(standards, code, year.year)
        for code in rows["county_code"].drop_nulls().unique()
    }
    ranks = ranked_categories(year.configuration.reference)
    first, last = date(year.year - 1, 1, 1), date(year.year, 12, 31)
    spans = best_code_spans(certificates, ranks, first, last)
    paid = payments(lines, year.year).select("person_key", "paid_on", "own_fen", paid_tier="tier")
    full = (
        rows.join(paid, on="person_key", how="left", maintain_order="left")
        .with_columns(
            standard_fen=pl.col("county_code").replace_strict(known, default=None, return_dtype=pl.Int64),
            tier=pl.coalesce("paid_tier", "ledger_tier"),
            _day=pl.coalesce("subsidised_on", "paid_on", pl.lit(date(year.year, 1, 1))),
            _new_year=pl.lit(date(year.year, 1, 1)),
        )
        .sort("person_key")
    )
    full = on_day(full, spans, "_day", ["category"]).rename({"category": "_category"})
    full = on_day(full, spans, "_new_year", ["category"]).with_columns(
        category=pl.coalesce("_category", "category")
    )
    return {"premium_subsidy": premium_result.recorded(full, year.year)}
