-- What the model `answer` answers with: the help pages; and what it learns from: tickets, with the page that was about what
-- they turned out to be about. Pages are never held back; tickets are cut as the project says.
select p.page as label,
       p.title as "text",
       p.title as heading,
       p."text" as body,
       p.page as link,
       'train' as split,
       null as "time",
       null as entity,
       p.language
from pages p
union all
select coalesce(p.page, 'none') as label,
       t.body as "text",
       null as heading,
       null as body,
       null as link,
       null as split,
       t.opened_at as "time",
       t.customer_id as entity,
       t.language
from tickets t
left join pages p on split_part(p.page, '/', -2) = t.language and split_part(p.page, '/', -1) = t.intent || '.html'
where t.intent is not null
