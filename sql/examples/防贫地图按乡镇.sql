-- 防贫地图：各乡镇困难群众的人数、负担和超线金额 / burden and cost above the cap by township, people with a category
select area_code, sum(n_persons) as n_persons, sum(burden_yuan) as burden_yuan, sum(over_yuan) as over_yuan,
    sum(n_warned) as n_warned
from mart.area_burden
where area_level = 'township' and year = 2023 and category is not null
group by all
order by burden_yuan desc
