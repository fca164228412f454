-- Two sorts of rows. What is answered with: `label` names the answer, `body` is its text, `heading` and `link` say where it
-- stands, `text` is the question it answers, if there is one. What is learned from: questions whose answer is known (a
-- question that led to a click, one that an agent answered with a page): `label` and `text` alone.
-- `split`: passages are never held back, so they say 'train'; questions say null and are cut as the project says.
select p.page as label,
       null as text,
       p.title as heading,
       p.text as body,
       p.page as link,
       'train' as split
from pages p
union all
select q.page as label, q.question as text, null as heading, null as body, null as link, null as split
from questions q
