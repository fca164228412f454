"""The peer of desk_clean.py in Polars, lazily and streaming: DESK LEGACY OUT CHATS.

Its reader of JSON lines stops at a broken line: CHATS is a copy of the chats without the broken ones.
"""

import glob
import sys

import polars as pl

desk, legacy, out, chats = sys.argv[1:]
c = pl.col


def scan(path, **options):
    # Rows that break the format are dropped by the reader as far as it can.
    return pl.scan_csv(path, infer_schema=False, truncate_ragged_lines=True, ignore_errors=True, encoding="utf8-lossy", **options)


def text(name):
    return c(name).str.strip_chars().replace("", None)


def time(name):
    return c(name).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False)


def write(name, frame):
    frame.sink_parquet(f"{out}/{name}.parquet", compression="zstd")


def first_of(frame, *key):
    return frame.unique(subset=list(key), keep="first", maintain_order=True)


def casts(*names):
    return pl.all_horizontal(c(name).is_not_null() | text(f"{name}_raw").is_null() for name in names)


customers = scan(f"{desk}/raw/customers.csv").filter(c("customer_id").is_not_null())
write("customers", first_of(customers.with_columns(c("signup_date").str.to_date(strict=False)), "customer_id"))

orders = scan(f"{desk}/raw/orders.csv").with_columns(
    amount_raw=c("amount"), ordered_at_raw=c("ordered_at"), amount=c("amount").cast(pl.Float64, strict=False), ordered_at=time("ordered_at"))
orders = orders.filter(c("order_id").is_not_null() & c("customer_id").is_not_null() & casts("amount", "ordered_at"))
write("orders", first_of(orders.drop("amount_raw", "ordered_at_raw"), "order_id"))

times, numbers = ["opened_at", "first_reply_at", "closed_at"], ["waiting_minutes", "handle_minutes"]
files = sorted(glob.glob(f"{desk}/raw/tickets/tickets-*.csv"))
tickets = pl.concat([*(scan(file) for file in files), scan(legacy, separator=";")], how="diagonal")
tickets = tickets.with_columns(c(name).alias(f"{name}_raw") for name in times + numbers)
tickets = tickets.with_columns(
    text("ticket_id"), text("body"), *(time(name) for name in times), *(c(name).cast(pl.Float64, strict=False) for name in numbers),
    *(c(name).cast(pl.Int32, strict=False) for name in ["reopened", "transfers"]))
tickets = tickets.filter(c("ticket_id").is_not_null() & c("opened_at").is_not_null() & c("body").is_not_null() & casts(*times, *numbers))
write("tickets", first_of(tickets.drop(f"{name}_raw" for name in times + numbers), "ticket_id"))

turns = pl.scan_ndjson(chats, schema={
    "chat_id": pl.String, "ticket_id": pl.String, "turn": pl.Int64, "at": pl.String, "speaker": pl.String, "text": pl.String,
    "client": pl.Struct({"app": pl.String})})
turns = turns.with_columns(time("at"), client_app=c("client").struct.field("app")).drop("client")
turns = turns.filter(c("chat_id").is_not_null() & c("turn").is_not_null() & c("text").is_not_null())
write("turns", first_of(turns, "chat_id", "turn"))

ratings = scan(f"{desk}/raw/ratings.csv").with_columns(c("rating").cast(pl.Int32, strict=False), time("rated_at"))
write("ratings", ratings.filter(c("ticket_id").is_not_null() & c("rating").is_not_null()))

joined = pl.scan_parquet(f"{out}/tickets.parquet").join(pl.scan_parquet(f"{out}/ratings.parquet"), on="ticket_id", how="left")
days = joined.group_by(c("opened_at").dt.truncate("1d").alias("day"), "language").agg(
    pl.len().alias("tickets"), c("waiting_minutes").mean(), c("rating").mean())
write("days", days.sort("day", "language"))
