-- One row a case: `label` is what the customer said of it (a rating, or whether they were satisfied); `time` is when the case
-- was as the other columns tell it, `entity` the customer. Every other column is something that was known then.
select
    r.rating as label,
    t.closed_at as time,
    t.customer_id as entity,
    t.channel,
    t.waiting_minutes,
    t.handle_minutes,
    t.body
from ratings r
join tickets t on t.ticket_id = r.ticket_id
