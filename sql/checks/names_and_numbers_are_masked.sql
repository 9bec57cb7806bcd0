-- No full name and no certificate number in this open zone.
select 'person_year' as place from mart.person_year
where name_masked not like '%**' or certno_masked not like '%****%'
union all
select 'person_year' from (select certno_masked from mart.person_year group by all)
where regexp_matches(certno_masked, '\d{12}')
union all
select 'household_year' from mart.household_year where head_name_masked not like '%**'
union all
select 'cap_gap' from mart.cap_gap where head_name_masked not like '%**'
