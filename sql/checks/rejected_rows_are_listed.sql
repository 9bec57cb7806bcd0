-- Every rejected row of a file that was read is listed with its reason.
select f.file_id, f.n_rejected, count(r.source_row) as n_listed
from mart.source_file f
left join (select distinct file_id, sheet, source_row from mart.rejected_row) r on r.file_id = f.file_id
where f.status = 'read'
group by f.file_id, f.n_rejected
having f.n_rejected is distinct from count(r.source_row)
