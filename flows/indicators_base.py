"""The base year of IND-9 (综合保障率提升): what the same groups cost in it, and who bore it, from its own facts."""

from __future__ import annotations

import polars as pl

from flows.counting import KEYS
from flows.year import Year
from schemas.reference import ranked_categories
from schemas.targets import Target
from stores import lake
from transforms import facts, payments, resolved, versions
from transforms.burden import negative_amounts, settlement_burdens
from transforms.identity import keys_of, with_person
from transforms.indicators_costs import Off, Pair, Sums, covered, holding, routed, sums_of
from transforms.ledger import no_paid_people
from transforms.waterfall import monitored


def base_year(year: Year, target: Target, region: str) -> Pair | None:
    """Covered and total cost of the same groups in the base year, from its own facts; None: no base year before this."""
    base = target.baseline
    if base is None or year.year <= base:
        return None
    costs = _base_costs(year, target, base).get(region)
    return None if costs is None else covered(costs, Off(), "default")


def _base_costs(year: Year, target: Target, base: int) -> dict[str, Sums]:
    """Sums of a base year by county, over the settlements of the people who held the categories in it."""
    certificates = year.rosters.certificates.filter(pl.col("code").is_in(list(target.categories)))
    people = monitored(certificates, base)
    if people.is_empty():
        return {}
    home, files, links = year.home, year.files, year.people.links
    reference = year.configuration.reference
    keys = keys_of(people, links).implode()
    rows = lake.scan(home, "setl_d", files).filter(pl.col("id_key").is_in(keys))
    settled = resolved.resolve(
        rows, lake.rejected(home, files), files, links, reference["region_alias"],
        lake.scan(home, "fixmedins_b", files), base,
    )  # fmt: skip
    helped, _ = facts.counted(lake.scan(home, "payment", files), files, ("payer", "id_key"))
    paid = with_person(helped, links).collect().filter(pl.col("person_key").is_in(people.implode()))
    named = payments.named_settlements(paid, resolved.with_states(rows, settled, links))
    items = None
    if lake.delivered(files, "fee_list_d"):
        lines = lake.scan(home, "fee_list_d", files)
        items = versions.without(lines, versions.marks(lines, KEYS["fee_list_d"], files, updt=None))
    burdens = settlement_burdens(
        settled.counted, paid, named,
        negative_amounts(settled.counted, items, reference["negative_list"]), people.to_frame("person_key"),
        no_paid_people(), base, links,
    )  # fmt: skip
    ranks = ranked_categories(reference)
    dated = routed(burdens.settlements, year.rosters.certificates, ranks, base)
    held = holding(dated, year.rosters.certificates, target.categories, target.territory, base)
    return sums_of(held, "routed_code")
