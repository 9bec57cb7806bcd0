-- A settlement in a benefit belongs to a line; a review case too.
select benefit_id from mart.benefit_item where benefit_id not in (select benefit_id from mart.benefit_line)
union all
select benefit_id from mart.review_case where benefit_id not in (select benefit_id from mart.benefit_line)
