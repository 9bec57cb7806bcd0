-- What remains after a layer is what remained before it less what the layer paid, where both are known. The table lies in
-- the order of its key: the row before a layer is the layer before it of the same unit.
with steps as (
    select
        *, lag(region_code) over () as region_before, lag(unit_type) over () as type_before,
        lag(unit_id) over () as unit_before, lag(cost_year) over () as year_before,
        lag(layer_no) over () as layer_before, lag(remaining_yuan) over () as before_yuan
    from mart.layer_waterfall
)
select region_code, unit_type, unit_id, cost_year, layer_no, paid_yuan, remaining_yuan
from steps
where layer_no <> 1 and (
    unit_id is distinct from unit_before or unit_type is distinct from type_before
    or region_code is distinct from region_before or cost_year is distinct from year_before
    or layer_no - 1 is distinct from layer_before or before_yuan - paid_yuan <> remaining_yuan
)
