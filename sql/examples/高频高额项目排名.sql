-- 监测对象高频、高额药品耗材和诊疗项目，两榜均有的 / items both among the most used and the dearest of monitored people
select kind, measure, rank, item_code, item_name, n_uses, n_persons, amount_yuan
from mart.item_ranking
where region_code = '330112' and year = 2023 and population = 'monitored' and in_both
order by kind, measure, rank
