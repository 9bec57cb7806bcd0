-- Identities, unique category and household of everybody on a day: select * from mart.person_on(date '2023-06-30').
create macro mart.person_on(asked) as table
with held as (
    select person_key, region_code, category, category_rank, valid_from
    from mart.certificate_span
    where valid_from <= asked::date and coalesce(valid_to, date '9999-12-31') >= asked::date
),
-- an identity without a rank (困难职工) is never the unique category;
-- the county of the unique category: of several the latest begun, then the smallest code
best as (
    select person_key, region_code, case when category_rank is not null then category end as category
    from held
    qualify row_number() over (partition by person_key order by category_rank nulls last, category, valid_from desc, region_code) = 1
),
each_once as (select distinct person_key, category, category_rank from held),
identities as (
    select person_key, string_agg(category, ',' order by category_rank nulls last, category) as identities
    from each_once
    group by person_key
),
homes as (
    select person_key, household_id
    from mart.membership_span
    where valid_from <= asked::date and coalesce(valid_to, date '9999-12-31') >= asked::date
    qualify row_number() over (partition by person_key order by valid_from desc, household_id) = 1
)
select
    coalesce(b.person_key, h.person_key) as person_key, b.region_code, b.category, i.identities, h.household_id
from best b
join identities i on i.person_key = b.person_key
full join homes h on h.person_key = b.person_key
