-- 病种走势：相对低收入家庭各病种的人次、费用和负担，与上年相比；慢病清单由本地另行对照
-- diseases of low-income households by cost, with the year before; to be held against the local list of chronic diseases
with years as (
    select region_code, disease_code, any_value(disease_name) as disease_name, month // 100 as year,
        sum(n_settlements) as n_settlements, sum(tot_yuan) as tot_yuan, sum(burden_yuan) as burden_yuan
    from mart.disease_trend
    where area_level = 'county' and category in ('XD', 'XD2') and disease_code is not null
    group by region_code, disease_code, month // 100
)
select y.*, b.tot_yuan as tot_before_yuan, y.tot_yuan - b.tot_yuan as more_yuan,
    rank() over (partition by y.region_code, y.year order by y.n_settlements desc) as rank_by_count,
    rank() over (partition by y.region_code, y.year order by y.tot_yuan desc) as rank_by_cost
from years y
left join years b on b.region_code = y.region_code and b.disease_code = y.disease_code and b.year = y.year - 1
order by y.region_code, y.year, rank_by_cost
