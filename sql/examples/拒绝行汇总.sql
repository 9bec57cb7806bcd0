-- 每个文件被拒绝的行及原因 / rejected rows by file and reason
select f.name, f.received_on, f.n_rows, r.column_name, r.rule, any_value(r.message_zh) as message_zh, count(*) as n
from mart.rejected_row r
join mart.source_file f on f.file_id = r.file_id
group by all
order by n desc, f.name
