-- One row an e-mail; `reply` is what its writer wrote anew, without quotes and signature.
select _row,
       message_id,
       thread_id,
       in_reply_to,
       try_cast(sent_at as timestamp) as sent_at,
       from_name,
       from_address,
       subject,
       body,
       reply,
       mask_numbers(normalise(reply)) as reply_masked
from raw.mail
