-- One row an example. The model reads `text`; `label` is what it learns to say.
-- A list as `label` (make_array, string_to_array, array_agg) makes a model that gives a text any number of labels.
-- `context`, a text or a list of texts, is what was said before; the model then takes it as a second input.
-- Also known: `time` (for splits by time), `entity` (rows of one entity never straddle a split), `weight` (above 0,
-- default 1), `split` ('train', 'calibrate' or 'test', if you cut the rows yourself). Every other column becomes a
-- slice of the report.
select subject || ' ' || body as text,
       intent as label
from tickets
