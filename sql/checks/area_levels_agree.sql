-- Everybody stands in one area of each level: persons, cost and burden of a year are the same on every level.
select year, count(*) as n_levels
from (
    select
        year, area_level, sum(n_persons) as n, sum(tot_yuan) as tot, sum(burden_yuan) as burden,
        sum(coalesce(over_yuan, 0)) as over_
    from mart.area_burden
    group by all
)
group by year
having count(*) <> 5 or count(distinct n) > 1 or count(distinct tot) > 1 or count(distinct burden) > 1
    or count(distinct over_) > 1
