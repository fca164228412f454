-- One row an example. The model reads `text`; `label` is what it learns to say.
-- Also known: `time` (for splits by time), `entity` (rows of one entity never straddle a split), `weight` (above 0,
-- default 1), `split` ('train', 'calibrate' or 'test', if you cut the rows yourself). Every other column becomes a
-- slice of the report.
select subject || ' ' || body as text,
       intent as label
from tickets
