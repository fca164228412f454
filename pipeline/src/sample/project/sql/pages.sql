-- The help pages: what an answer may quote.
select _row, _file as page, title, language, headings, "text", normalise("text") as text_normalised
from raw.pages
