-- One row a turn of a chat.
select _row, chat_id, ticket_id, try_cast(turn as int) as turn, try_cast("at" as timestamp) as "at", speaker, "text",
       client_app
from raw.chats
