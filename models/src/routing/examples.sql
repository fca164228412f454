-- One row a case as it was when it came in: `label` is the queue (or team, or skill) that solved it in the end, `time` when it
-- came, `entity` what must not be on two sides of a cut. Every other column is something that was known then. What was known
-- of earlier cases, as of that time, is a column too: the queue that last solved this customer's, say.
select
    t.queue as label,
    t.opened_at as time,
    t.customer_id as entity,
    t.channel,
    t.subject || ' ' || t.body as text
from tickets t
where t.queue is not null
