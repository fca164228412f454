"""The peer of desk_clean.py in DuckDB: DESK LEGACY OUT."""

import sys

import duckdb

desk, legacy, out = sys.argv[1:]
db = duckdb.connect()
db.execute("set preserve_insertion_order = true")

csv = "all_varchar = true, ignore_errors = true, header = true"


def write(name, query):
    db.execute(f"create table {name} as {query}")
    db.execute(f"copy {name} to '{out}/{name}.parquet' (format parquet, compression zstd)")


def first_of(key, query):
    return f"select * exclude (n, rn) from (select *, row_number() over (partition by {key} order by rn) as n from ({query})) where n = 1"


def numbered(files, extra=""):
    return f"select *, row_number() over () as rn from read_csv({files}, {csv} {extra})"


write("customers", first_of("customer_id", f"""
    select customer_id, name, email, phone, city, language, tier, try_cast(signup_date as date) as signup_date, rn
    from ({numbered(f"'{desk}/raw/customers.csv'")}) where customer_id is not null"""))
write("orders", first_of("order_id", f"""
    select order_id, customer_id, product, category, try_cast(amount as double) as amount, currency,
           try_cast(ordered_at as timestamp) as ordered_at, status, rn
    from ({numbered(f"'{desk}/raw/orders.csv'")})
    where order_id is not null and customer_id is not null
      and (amount is null or try_cast(amount as double) is not null)
      and (ordered_at is null or try_cast(ordered_at as timestamp) is not null)"""))
columns = """nullif(trim(ticket_id), '') as ticket_id, customer_id, order_id, channel,
    try_cast(opened_at as timestamp) as opened_at, try_cast(first_reply_at as timestamp) as first_reply_at,
    try_cast(closed_at as timestamp) as closed_at, try_cast(waiting_minutes as double) as waiting_minutes,
    try_cast(reopened as int) as reopened, try_cast(transfers as int) as transfers, agent_id, language, subject,
    nullif(trim(body), '') as body, intent, try_cast(handle_minutes as double) as handle_minutes, coin"""
raw = f"""select * from read_csv('{desk}/raw/tickets/tickets-*.csv', {csv})
    union all by name select * from read_csv('{legacy}', {csv}, delim = ';')"""
bad = " and ".join(
    f"(nullif(trim({name}), '') is null or try_cast({name} as {kind}) is not null)"
    for name, kind in [("opened_at", "timestamp"), ("first_reply_at", "timestamp"), ("closed_at", "timestamp"),
                       ("waiting_minutes", "double"), ("handle_minutes", "double")])
write("tickets", first_of("ticket_id", f"""
    select {columns}, rn from (select *, row_number() over () as rn from ({raw}))
    where nullif(trim(ticket_id), '') is not null and try_cast(opened_at as timestamp) is not null
      and nullif(trim(body), '') is not null and {bad}"""))
write("turns", first_of("chat_id, turn", f"""
    select chat_id, ticket_id, try_cast(turn as int) as turn, try_cast("at" as timestamp) as "at", speaker, "text",
           client.app as client_app, row_number() over () as rn
    from read_ndjson('{desk}/raw/chats.jsonl', ignore_errors = true,
         columns = {{chat_id: 'varchar', ticket_id: 'varchar', turn: 'varchar', "at": 'varchar', speaker: 'varchar', "text": 'varchar', client: 'struct(app varchar)'}})
    where chat_id is not null and try_cast(turn as int) is not null and "text" is not null"""))
write("ratings", f"""
    select ticket_id, try_cast(rating as int) as rating, comment, try_cast(rated_at as timestamp) as rated_at
    from read_csv('{desk}/raw/ratings.csv', {csv})
    where ticket_id is not null and try_cast(rating as int) is not null""")
write("days", """
    select date_trunc('day', t.opened_at) as day, t.language, count(*) as tickets, avg(t.waiting_minutes) as waiting_minutes,
           avg(r.rating) as rating
    from tickets t left join ratings r on r.ticket_id = t.ticket_id group by 1, 2 order by 1, 2""")
