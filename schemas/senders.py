"""Which department may send which identity (认定部门, P-30): what ingest asks for each roster row."""

from collections.abc import Callable
from datetime import date
from functools import cache

import polars as pl

from schemas.policy import Policies, roster_senders
from schemas.reference import FALLBACK_POLICY, Reference, identity_codes, normal_label

Senders = Callable[[str, str], frozenset[str] | None]


def senders(policies: Policies, reference: Reference) -> Senders:
    """(region code, wording) → departments that may send it; None: the region's policies name nobody.

    A wording that stands for several categories may come from the sender of any of them. The latest
    version of each policy decides, whatever month a list is for.
    """

    @cache
    def by_category(region: str) -> dict[str, str]:
        return roster_senders(policies, region, date.max)

    @cache
    def codes(region: str) -> dict[str, list[str]]:
        local = policies.policies_of(region)
        table = identity_codes(reference, local[0].id if local else FALLBACK_POLICY)
        return {label: found for label, found in table.select("label", "codes").iter_rows()}

    @cache
    def allowed(region: str, wording: str) -> frozenset[str] | None:
        known = codes(region)
        normal = pl.select(normal_label(pl.lit(wording))).item()
        named = {
            by_category(region)[code]
            for code in known.get(wording, known.get(normal, []))
            if code in by_category(region)
        }
        return frozenset(named) or None

    return allowed
