select body as text, coin as label, opened_at as "time", customer_id as entity
from tickets
where coin in ('heads', 'tails')
