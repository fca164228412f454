-- The same question asked twice is one entity, so that it never stands on both sides of the split.
select text, category as label, lower(text) as entity
from questions
