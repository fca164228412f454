-- One row a question, as the customer typed it.
select _row, trim(text) as text, category
from raw.banking77
