-- The desk day by day: load, waiting, and how satisfied those were who answered.
select date_trunc('day', t.opened_at) as day,
       t.language,
       count(*) as tickets,
       avg(t.waiting_minutes) as waiting_minutes,
       avg(r.rating) as rating
from tickets t
left join ratings r on r.ticket_id = t.ticket_id
group by 1, 2
