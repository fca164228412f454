-- What the model `satisfaction` learns from: cases as they were when they were closed. Ratings come in later, and from a third
-- of the customers only; the others are here too, so that the model can learn who answers.
select coalesce(cast(r.rating as varchar), 'none') as label,
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
from tickets t
left join ratings r on r.ticket_id = t.ticket_id and r.rating between 1 and 5
left join customers c on c.customer_id = t.customer_id
where t.closed_at is not null
