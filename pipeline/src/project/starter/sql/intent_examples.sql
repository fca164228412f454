-- What the model `intent` learns from: every ticket that somebody gave an intent to.
select
    ticket_id as entity,
    body as text,
    intent as label
from tickets
where intent is not null
