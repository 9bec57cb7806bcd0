"""`fengding explain … --on DATE`: identities, unique category (P-04), household and township of people on one day.

Read from what the run stored of the rosters over all times, and from the roster row in force that day. No amounts.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.configuration import load_configuration
from flows.explain import found
from flows.explain_rows import FileNames, Row, Wanted, key_text
from flows.stored import Source, sources
from flows.words import category_name
from schemas.reference import Reference, ranked_categories
from stores import lake
from stores.home import Home
from transforms.place_names import Townships
from transforms.places import with_township_codes
from transforms.roster_history import on_days
from transforms.spans import FAR

SPOT = pl.Schema(
    {
        "person_key": pl.Int64,
        "county_code": pl.String,
        "township_code": pl.String,
        "township_name": pl.String,
        "village": pl.String,
        "valid_from": pl.Date,
        "file_id": pl.String,
        "sheet": pl.String,
        "source_row": pl.Int64,
    }
)


def state_on(home: Home, text: str, year: int, day: date) -> Row:
    """What a person, or each member of a household, was on a day, as one JSON object.

    The day may lie outside the cost year: the stored spans reach over all times that the run knew of. Raises
    OperatorError where the year has no results or no such object.
    """
    reference = load_configuration(home, None).reference
    wanted = found(home, text.strip(), sources(home, year), ever=True)
    source = wanted.source
    numbers = household_numbers(source, wanted.households)
    people = asked_people(wanted, numbers, day)
    held = source.scan("certificate_span").filter(pl.col("person_key").is_in(people)).collect()
    lived = source.scan("membership_span").filter(pl.col("person_key").is_in(people)).collect()
    asked = pl.DataFrame({"person_key": people, "day": day}, schema={"person_key": pl.Int64, "day": pl.Date})
    certificates = held.rename({"category": "code", "region_code": "county_code"})
    ranks = ranked_categories(reference)
    rows = on_days(asked, certificates, lived, ranks).to_dicts()
    spots = spots_on(home, source, certificates, reference, people, day)
    years = source.scan("person_year").filter(pl.col("person_key").is_in(people)).collect()
    known = {row["person_key"]: row for row in years.iter_rows(named=True)}
    names, areas = FileNames(home), dict(reference["regions"].select("code", "name_zh").iter_rows())
    persons = [
        _person(
            row, spots.get(row["person_key"]), known.get(row["person_key"], {}), numbers, names, areas, held
        )
        for row in rows
    ]
    return {
        "status": "done",
        "year": year,
        "day": day.isoformat(),
        "run_id": source.manifest["run_id"],
        "on": source.manifest["on"],
        "object": {"type": wanted.kind, "id": wanted.id},
        "households": [
            {
                "household_id": number,
                "other_numbers": sorted(numbers[number] - {number}),
                "members": [p["person_key"] for p in persons if p["household_id"] in numbers[number]],
            }
            for number in (wanted.households if wanted.kind == "household" else [])
        ],
        "persons": persons,
    }


def household_numbers(source: Source, households: list[str]) -> dict[str, set[str]]:
    """Each household of the year with all numbers that it went by: the one asked for and those it took over."""
    aliases = source.scan("household_alias").collect()
    return {
        number: {number, *aliases.filter(pl.col("year_household_id") == number)["household_id"]}
        for number in households
    }


def asked_people(wanted: Wanted, numbers: dict[str, set[str]], day: date) -> list[int]:
    """The person; of a household everybody who belonged to it in the year or belongs to it on the day."""
    if wanted.kind != "household":
        return wanted.persons
    every = sorted({number for own in numbers.values() for number in own})
    there = (
        wanted.source.scan("membership_span")
        .filter(
            pl.col("household_id").is_in(every),
            pl.lit(day).is_between("valid_from", pl.col("valid_to").fill_null(FAR)),
        )
        .collect()["person_key"]
    )
    return [*wanted.persons, *sorted(set(there) - set(wanted.persons))]


def spots_on(
    home: Home, source: Source, certificates: pl.DataFrame, reference: Reference, people: list[int], day: date
) -> dict[int, Row]:
    """Township and village by person: those of the roster row in force that day, the latest begun of several."""
    valid = pl.lit(day).is_between("valid_from", pl.col("valid_to").fill_null(FAR))
    rows = certificates.filter(valid).select(
        "person_key", "county_code", "valid_from", "file_id", "source_row"
    )
    files = rows.select("file_id").unique().sort("file_id")
    links = source.scan("link").filter(pl.col("person_key").is_in(people)).collect()
    keys = pl.concat(
        [links.select("id_key", "person_key"), pl.DataFrame({"id_key": people, "person_key": people})]
    )
    delivered = (
        lake.scan(home, "roster", files)
        .filter(pl.col("id_key").is_in(keys["id_key"].implode()))
        .select("id_key", "file_id", "sheet", "source_row", "township_code", "township_name", "village")
        .collect(engine="streaming")
        .join(keys.unique(), on="id_key")
    )
    placed = rows.join(delivered, on=["person_key", "file_id", "source_row"]).select(SPOT.names()).cast(SPOT)
    placed = placed.filter(pl.any_horizontal(pl.col("township_code", "township_name").is_not_null()))
    coded = with_township_codes(placed, Townships(reference["regions"]))
    ordered = coded.sort(
        "person_key", "valid_from", "township_code", "township_name", "village", nulls_last=False
    )
    latest = ordered.unique("person_key", keep="last", maintain_order=True)
    return {row["person_key"]: row for row in latest.iter_rows(named=True)}


def _person(
    row: Row,
    spot: Row | None,
    of_year: Row,
    numbers: dict[str, set[str]],
    names: FileNames,
    areas: dict[str, str],
    held: pl.DataFrame,
) -> Row:
    """One person on the day; the township of the year's yardstick date where no roster row holds that day."""
    papers = held.filter(
        pl.col("person_key") == row["person_key"],
        pl.lit(row["day"]).is_between("valid_from", pl.col("valid_to").fill_null(FAR)),
    ).sort("category_rank", "category", "valid_from", "region_code", nulls_last=True)
    place = spot or of_year
    code = place.get("township_code")
    return {
        "person_key": key_text(row["person_key"]),
        "name_masked": of_year.get("name_masked"),
        "category": row["category"],
        "identities": row["identities"],
        "region_code": row["region_code"],
        "household_id": row["household_id"],
        "member": any(row["household_id"] in own for own in numbers.values()),
        "township_code": code,
        "township_name": place.get("township_name") or areas.get(code or ""),
        "village": place.get("village"),
        "township_source": "roster" if spot else (of_year.get("township_source") or "unknown"),
        "township_of_day": spot is not None,
        "township_row": names.where(spot or {}),
        "certificates": [
            {
                "category": paper["category"],
                "from": str(paper["valid_from"]),
                "to": None if paper["valid_to"] is None else str(paper["valid_to"]),
                "department": paper["department"],
                "county_code": paper["region_code"],
                "source": names.where(paper),
            }
            for paper in papers.iter_rows(named=True)
        ],
    }


# ---- as a clerk reads it

SOURCES = {
    "roster": "名册",
    "counter": "中心结算明细",
    "live_addr": "居住地址",
    "hsreg_addr": "户籍地址",
    "emp_name": "单位名称",
}


def state_lines(told: Row) -> list[str]:
    """The whole text."""
    kinds = {"household": "家庭", "person": "人员", "benefit": "待遇"}
    lines = [
        f"{kinds[told['object']['type']]} {told['object']['id']}，{told['day']} 当天",
        f"（运行 {told['run_id']} 在 {told['on']} 算出并保存的结果；这里只是读出，没有重新计算）",
    ]
    for household in told["households"]:
        lines.append(
            f"家庭 {household['household_id']}：当天成员 {len(household['members'])} 人。"
            + _earlier(household)
        )
    for person in told["persons"]:
        lines += ["", *_person_lines(person, told["object"]["type"] == "household")]
    if not told["persons"]:
        lines.append("没有找到成员。")
    return lines


def _earlier(household: Row) -> str:
    return f"以前的编号：{'、'.join(household['other_numbers'])}。" if household["other_numbers"] else ""


def _person_lines(person: Row, of_household: bool) -> list[str]:
    away = "（当天不是这个家庭的成员）" if of_household and not person["member"] else ""
    identities = "、".join(category_name(code) for code in person["identities"])
    lines = [
        f"{person['name_masked'] or '姓名不明'}（{person['person_key']}）{away}：",
        f"  身份：{identities or '当天没有救助身份'}。",
    ]
    if person["category"]:
        lines.append(f"  唯一类别：{category_name(person['category'])}，名册区划 {person['region_code']}。")
    lines.append(
        f"  家庭：{person['household_id']}。"
        if person["household_id"]
        else "  家庭：当天不在任何救助家庭里。"
    )
    lines.append(_township(person))
    for paper in person["certificates"]:
        until = f"到 {paper['to']}" if paper["to"] else "起，没有写失效日期"
        department = f"，{paper['department']}认定" if paper["department"] else ""
        lines.append(
            f"  依据：{category_name(paper['category'])}，{paper['from']} {until}{department}。{_where(paper['source'])}"
        )
    return lines


def _township(person: Row) -> str:
    town = person["township_name"] or person["township_code"]
    if not town:
        return "  乡镇街道：不明。"
    text = f"  乡镇街道：{town}{'，' + person['village'] if person['village'] else ''}"
    if person["township_of_day"]:
        return f"{text}。{_where(person['township_row'])}"
    source = SOURCES.get(person["township_source"], "来源不明")
    return f"{text}（当天没有名册行，这是年度基准日的，按{source}）。"


def _where(source: Row) -> str:
    """Which row of which file it came from."""
    if source["file"] is None:
        return ""
    sheet = f"工作表 {source['sheet']} " if source["sheet"] else ""
    return f"（{source['file']} {sheet}第 {source['row']} 行）"
