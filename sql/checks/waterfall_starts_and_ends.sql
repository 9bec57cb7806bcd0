-- A waterfall has thirteen layers, starts from the total cost of the person and ends at the burden less the cap's amount.
with ends as (
    select
        region_code, unit_type, unit_id, cost_year, count(*) as n_layers,
        max(remaining_yuan) filter (layer_code = 'CHARITY') as burden_yuan,
        max(remaining_yuan) filter (layer_code = 'CAP') as left_yuan,
        max(paid_yuan + remaining_yuan) filter (layer_no = 1) as tot_yuan
    from mart.layer_waterfall
    group by all
)
select e.region_code, e.unit_type, e.unit_id, e.cost_year
from ends e
left join mart.person_year p
    on e.unit_type = 'person' and p.person_key = e.unit_id and p.cost_year = e.cost_year
left join mart.cap_gap g
    on g.unit_id = e.unit_id and g.unit_type = e.unit_type and g.cost_year = e.cost_year
    and g.region_code is not distinct from e.region_code
where e.n_layers <> 13
    or (p.person_key is null and g.unit_id is null)
    or (g.unit_id is null and (e.tot_yuan <> p.tot_yuan or e.burden_yuan <> p.burden_yuan or e.left_yuan <> p.burden_yuan))
    or (g.unit_id is not null and (e.burden_yuan <> g.burden_yuan or e.left_yuan <> g.burden_yuan - g.amount_yuan))
