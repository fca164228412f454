select _row, customer_id, name, email, phone, city, language, tier, try_cast(signup_date as date) as signup_date
from raw.customers
