-- Ranks run from 1 without a gap in the order of their measure; an item stands in both rankings with the same figures.
select region_code, year, population, kind, measure, rank, item_code
from (
    select
        *,
        row_number() over (ranking order by rank) as place,
        lag(if(measure = 'count', n_uses, amount_yuan)) over (ranking order by rank) as before,
        if(measure = 'count', n_uses, amount_yuan) as here,
        count(*) over item as n_measures,
        min(n_uses) over item <> max(n_uses) over item or min(amount_yuan) over item <> max(amount_yuan) over item as differs
    from mart.item_ranking
    window
        ranking as (partition by region_code, year, population, kind, measure),
        item as (partition by region_code, year, population, kind, item_code)
)
where rank <> place or here > before or in_both <> (n_measures = 2) or differs
