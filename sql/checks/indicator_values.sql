-- The value is numerator over denominator; without a denominator there is no value and nothing is met.
select region_code, year, indicator_id, population, variant, policy_id, numerator, denominator, value
from mart.indicator
where (value is null) <> (numerator is null or denominator is null or denominator <= 0)
    or abs(value - numerator / denominator) > 1e-9 + 0.01 / denominator
    or (met is not null) <> (value is not null and target is not null)
