select _row, ticket_id, try_cast(rating as int) as rating, comment, try_cast(rated_at as timestamp) as rated_at
from raw.ratings
