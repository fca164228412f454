-- What the model `intent` learns from. `language` and `channel` become slices of the report.
select coalesce(subject, '') || ' ' || body as text,
       intent as label,
       opened_at as "time",
       customer_id as entity,
       language,
       channel
from tickets
where intent is not null
