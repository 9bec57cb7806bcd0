"""Layer waterfall (分层保障, 浙政办发〔2022〕42号 二(三)): what each layer paid and what was left after it.

The layers stand in the order of protection: insurance, assistance, then the supplements that the text lists, the cap
last. 其他帮扶 (OTHER) is also where everything goes that no named layer paid: `aside_fen` says how much of it that is
(borne by the hospital, on the negative list, other differences). All amounts in fen, to the fen.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from transforms.pseudonym import key_texts
from transforms.spans import overlapping

FUND_LAYERS = {
    "BAS": "bas_fen", "CII": "cii_fen", "LRG": "lrg_fen", "CIV": "civ_fen", "ENT": "ent_fen", "MAF": "maf_fen",
    "TILT": "tilt_fen",
}  # fmt: skip
"""Layers that the settlement itself shows, in their order."""
LAYERS = (*FUND_LAYERS, "YOUFU", "COM", "MUTUAL", "OTHER", "CHARITY", "CAP")
AID_KINDS = {"优抚": "YOUFU", "医疗互助": "MUTUAL", "慈善": "CHARITY"}
"""Subsidies with a layer of their own; 工会, 残联, 临时救助 and aid on the spot are 其他帮扶."""
AID = ("YOUFU", "MUTUAL", "OTHER", "CHARITY")
REDUCING = ("named", "followed", "lump")
SCHEMA = pl.Schema(
    {
        "unit_type": pl.String, "unit_id": pl.String, "region_code": pl.String, "cost_year": pl.Int32,
        "layer_no": pl.Int32, "layer_code": pl.String, "paid_fen": pl.Int64, "remaining_fen": pl.Int64,
        "aside_fen": pl.Int64,
    }
)  # fmt: skip


def monitored(certificates: pl.DataFrame, year: int) -> pl.Series:
    """person_key of everybody with a category on some day of the year."""
    return overlapping(certificates, date(year, 1, 1), date(year, 12, 31))["person_key"].unique().sort()


def waterfall(
    settlements: pl.DataFrame,
    payments: pl.DataFrame,
    cap_gap: pl.DataFrame,
    items: pl.DataFrame,
    persons: pl.DataFrame,
    people: pl.Series,
    year: int,
) -> pl.DataFrame:
    """Rows of mart.layer_waterfall: SCHEMA, thirteen a unit; units with a counted settlement only.

    `settlements`, `payments`: of Burdens; `cap_gap`, `items`: of the caps (may be without columns); `persons`:
    mart.person_year in fen; `people`: whose waterfall is shown beside the units'. A layer that is not known is empty,
    and so is what remains after it, until the burden itself is known again; an amount not determined leaves CAP empty.
    """
    paid = paid_layers(settlements, payments)
    sums = [pl.col("tot_fen").sum(), *(_known_sum(c) for c in (*FUND_LAYERS, "COM", *AID, "other_funds"))]
    person = pl.col("person_key")
    shown = person.is_in(people.implode()) & ~person.is_in(_capped(cap_gap).implode())
    of_persons = paid.filter(shown).group_by("person_key").agg(sums)
    units = [_person_units(persons, of_persons)]
    if not cap_gap.is_empty():
        counted = items.select("benefit_id", "counted", setl_id="settlement_id").filter("counted")
        mine = (
            counted.drop("counted")
            .join(cap_gap.select("benefit_id"), on="benefit_id", how="semi")
            .join(paid, on="setl_id")
        )
        units.append(_cap_units(cap_gap, mine.group_by("benefit_id").agg(sums)))
    return _stepped(pl.concat(units), year)


def _capped(cap_gap: pl.DataFrame) -> pl.Series:
    """person_key of those whom a cap makes a unit of their own: their waterfall is the unit's."""
    if cap_gap.is_empty():
        return pl.Series("head_person_key", [], dtype=pl.Int64)
    return cap_gap.filter(pl.col("unit_type") == "person")["head_person_key"].drop_nulls()


def _known_sum(code: str) -> pl.Expr:
    """A sum with one unknown part is unknown."""
    return pl.when(pl.col(code).null_count() == 0).then(pl.col(code).sum()).alias(code)


def _person_units(persons: pl.DataFrame, sums: pl.DataFrame) -> pl.DataFrame:
    """Persons with their burden of the year; the cap is their unit's, so nothing of it stands here."""
    mine = persons.select("person_key", "region_code", "burden_fen").join(sums, on="person_key")
    return mine.select(
        pl.exclude("person_key"), unit_id=key_texts(mine["person_key"], "P"), shown=pl.lit("person"),
        CAP=pl.lit(0, pl.Int64),
    )  # fmt: skip


def _cap_units(cap_gap: pl.DataFrame, sums: pl.DataFrame) -> pl.DataFrame:
    """Units under a cap with their burden and what the cap gives; empty: not determined."""
    mine = cap_gap.select("benefit_id", "region_code", "burden_fen", "unit_id", "unit_type", "amount_fen")
    return mine.join(sums, on="benefit_id").select(
        pl.exclude("benefit_id", "unit_id", "unit_type", "amount_fen"), unit_id="unit_id", shown="unit_type",
        CAP="amount_fen",
    )  # fmt: skip


def paid_layers(settlements: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """setl_id, person_key, tot_fen and what each layer before the cap paid on the settlement, null where not known.

    A settlement's own subsidies are divided over their kinds in the order of the layers, along the person's
    settlements in order of time: both add up to what was used.
    """
    funds = {code: pl.col(name) for code, name in FUND_LAYERS.items()}
    funds["TILT"] = pl.col("tilt_fen").fill_null(0)
    others = pl.sum_horizontal("oth_fen", "dis_fen", ignore_nulls=False)
    plain = settlements.select(
        "setl_id", "person_key", "tot_fen", COM="com_used_fen", other_funds=others, **funds
    )
    return plain.join(aid_layers(settlements, payments), on="setl_id", how="left").with_columns(
        pl.col(*AID).fill_null(0)
    )


def aid_layers(settlements: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """setl_id and its subsidies by layer (YOUFU, MUTUAL, OTHER, CHARITY), for settlements that used any.

    Where a subsidy was taken back, so that a kind or a settlement is negative, all of the person's stand under OTHER.
    """
    used = settlements.select("setl_id", "person_key", "setl_time", "sub_used_fen").filter(
        pl.col("sub_used_fen") != 0
    )
    kinds = _by_kind(used, payments)
    backs = pl.concat(
        [
            frame.filter(pl.col(name) < 0).select("person_key")
            for frame, name in ((used, "sub_used_fen"), (kinds, "amount"))
        ]
    ).unique()
    straight = used.join(backs, on="person_key", how="anti").sort("person_key", "setl_time", "setl_id")
    ends = straight.with_columns(end=pl.col("sub_used_fen").cum_sum().over("person_key"))
    ends = ends.with_columns(start=pl.col("end") - pl.col("sub_used_fen"))
    spread = (
        kinds.join(backs, on="person_key", how="anti")
        .sort("person_key", "place")
        .with_columns(upto=pl.col("amount").cum_sum().over("person_key"))
        .with_columns(above=pl.col("upto") - pl.col("amount"))
    )
    common = pl.min_horizontal("end", "upto") - pl.max_horizontal("start", "above")
    parts = ends.join(spread, on="person_key").with_columns(part=common).filter(pl.col("part") > 0)
    whole = used.join(backs, on="person_key", how="semi").select(
        "setl_id", code=pl.lit("OTHER"), part="sub_used_fen"
    )
    found = pl.concat([parts.select("setl_id", "code", "part"), whole])
    return found.group_by("setl_id").agg(
        pl.col("part").filter(pl.col("code") == code).sum().alias(code) for code in AID
    )


def _by_kind(used: pl.DataFrame, payments: pl.DataFrame) -> pl.DataFrame:
    """person_key, code, place, amount: subsidies used of each layer; what no payment explains is OTHER."""
    subsidies = payments.filter((pl.col("class") == "sub") & pl.col("state").is_in(list(REDUCING)))
    code = pl.col("kind").replace_strict(AID_KINDS, default="OTHER", return_dtype=pl.String)
    named = subsidies.group_by("person_key", code=code).agg(amount=pl.col("used_fen").sum())
    total = used.group_by("person_key").agg(total=pl.col("sub_used_fen").sum())
    known = named.group_by("person_key").agg(known=pl.col("amount").sum())
    rest = total.join(known, on="person_key", how="left").select(
        "person_key", code=pl.lit("OTHER"), amount=pl.col("total") - pl.col("known").fill_null(0)
    )
    place = pl.col("code").replace_strict({c: n for n, c in enumerate(AID)}, return_dtype=pl.Int32)
    return (
        pl.concat(
            [named.join(total.select("person_key"), on="person_key", how="semi").select(rest.columns), rest]
        )
        .group_by("person_key", "code")
        .agg(pl.col("amount").sum())
        .filter(pl.col("amount") != 0)
        .with_columns(place=place)
    )


def _stepped(rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """One row a layer: forward from the total, and back from the burden where a layer before is not known."""
    before_other = LAYERS[: LAYERS.index("OTHER")]
    after: dict[str, pl.Expr] = {}
    left = pl.col("tot_fen")
    for code in before_other:
        left = left - pl.col(code)
        after[code] = left
    borne = pl.col("burden_fen")
    after["OTHER"] = borne + pl.col("CHARITY")
    after["CHARITY"] = borne
    after["CAP"] = borne - pl.col("CAP")
    paid = {code: pl.col(code) for code in LAYERS} | {"OTHER": left - after["OTHER"]}
    aside = paid["OTHER"] - pl.col("OTHER") - pl.col("other_funds")
    ordered = rows.sort("region_code", "shown", "unit_id", nulls_last=True).with_row_index("place")
    steps = [
        ordered.select(
            "place",
            layer_no=pl.lit(number, pl.Int32),
            paid_fen=paid[code],
            remaining_fen=after[code],
            aside_fen=aside if code == "OTHER" else pl.lit(0, pl.Int64),
        )
        for number, code in enumerate(LAYERS, start=1)
    ]
    # whole numbers are put in order, and the texts of a unit laid beside its thirteen rows afterwards
    long = pl.concat(steps).sort("place", "layer_no")
    texts = ordered.select("unit_id", "region_code", unit_type="shown")[long["place"]]
    names = pl.col("layer_no").replace_strict(dict(enumerate(LAYERS, start=1)), return_dtype=pl.String)
    return (
        pl.concat([texts, long], how="horizontal")
        .with_columns(cost_year=pl.lit(year, pl.Int32), layer_code=names)
        .select(list(SCHEMA))
        .cast(SCHEMA)
    )
