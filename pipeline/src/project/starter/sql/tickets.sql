-- The tickets as they came in, tidied: no blanks around the values, and an empty value is null.
select
    _row,                               -- the row's identity: it lets deskmill account for every raw row
    nullif(trim(ticket_id), '') as ticket_id,
    nullif(trim(body), '') as body,
    nullif(trim(intent), '') as intent
from raw.tickets
