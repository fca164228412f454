select _row, order_id, customer_id, product, category,
       try_cast(amount as double) as amount,
       currency,
       try_cast(ordered_at as timestamp) as ordered_at,
       status
from raw.orders
