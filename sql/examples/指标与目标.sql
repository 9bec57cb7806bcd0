-- 本县各项指标：分子、分母、目标、是否达标 / indicators of a county with their targets
select policy_id, indicator_id, population, variant, numerator, denominator, round(100 * value, 2) as percent,
    round(100 * target, 2) as target_percent, met, provisional
from mart.indicator
where region_code = '330112' and year = 2023
order by indicator_id, policy_id, population, variant
