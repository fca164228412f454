-- What the model `routing` learns from: which team a ticket turned out to be for, who had it, how long it took and how the
-- customer rated it. What is known only later (waiting, transfers, who closed it) is no column of the case.
select case
           when t.intent in ('account_locked', 'change_email', 'delete_account', 'reset_password', 'verify_identity')
               then 'account'
           when t.intent in ('card_declined', 'charged_twice', 'invoice_copy', 'payment_methods', 'refund_status',
                             'request_refund') then 'payment'
           when t.intent in ('change_address', 'damaged_item', 'late_delivery', 'missing_item', 'where_is_my_order')
               then 'delivery'
           when t.intent in ('product_question', 'size_exchange', 'stock_availability', 'warranty_claim') then 'product'
           else 'service'
       end as label,
       t.opened_at as "time",
       t.customer_id as entity,
       t.channel,
       t.language,
       c.tier,
       coalesce(t.subject, '') || ' ' || t.body as body,
       t.agent_id,
       t.handle_minutes * 60 as handle_s,
       case when r.rating >= 3 then true when r.rating is not null then false end as outcome
from tickets t
left join customers c on c.customer_id = t.customer_id
left join ratings r on r.ticket_id = t.ticket_id
where t.intent is not null
