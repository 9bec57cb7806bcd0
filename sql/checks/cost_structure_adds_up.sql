-- The months of everybody sum to the total cost under IND-4, and no part of a month is known of more settlements than it
-- has; the two sides of monitored people, by institution and by disease, sum to the same cost.
with years as (
    select
        region_code, population, month // 100 as year,
        sum(amount_yuan) filter (layer_code = 'TOT') as tot, sum(amount_yuan) filter (layer_code = 'B') as burden
    from mart.cost_structure
    group by all
),
institutions as (
    select region_code, population, year, sum(tot_yuan) as tot
    from mart.provider_sheet
    group by all
),
diseases as (
    select region_code, area_level, month // 100 as year, sum(tot_yuan) as tot, sum(burden_yuan) as burden
    from mart.disease_trend
    group by all
)
select 'IND-4' as what, y.region_code, y.year
from years y
join mart.indicator i using (region_code, year)
where y.population = 'insured' and i.indicator_id = 'IND-4' and i.population = 'insured' and i.variant = 'default'
    and i.denominator <> y.tot
union all
select 'provider_sheet', region_code, year
from (from years where population <> 'insured') y
full join institutions p using (region_code, population, year)
where p.tot is distinct from y.tot
union all
select 'disease_trend', region_code, year
from (from years where population = 'monitored') y
full join (from diseases where area_level = 'county') c using (region_code, year)
full join (from diseases where area_level = 'township') t using (region_code, year)
where c.tot is distinct from y.tot or t.tot is distinct from y.tot or c.burden is distinct from y.burden
    or t.burden is distinct from y.burden
union all
select 'known', region_code, month
from (
    select *, max(n_settlements) filter (layer_code = 'TOT') over (partition by region_code, population, month) as n
    from mart.cost_structure
)
where n_settlements > n or (n_settlements = 0) <> (amount_yuan is null)
