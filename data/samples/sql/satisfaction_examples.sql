-- What the model `satisfaction` learns from: rated cases as they were when they were closed. Ratings come in later, and from a
-- third of the customers only.
select r.rating as label,
       t.closed_at as "time",
       t.customer_id as entity,
       t.channel,
       t.language,
       c.tier,
       t.agent_id,
       t.waiting_minutes,
       t.reopened,
       t.transfers,
       t.handle_minutes,
       coalesce(t.subject, '') || ' ' || t.body as body
from ratings r
join tickets t on t.ticket_id = r.ticket_id
left join customers c on c.customer_id = t.customer_id
where r.rating between 1 and 5
