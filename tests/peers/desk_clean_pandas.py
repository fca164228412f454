"""The peer of desk_clean.py in pandas: DESK LEGACY OUT."""

import glob
import json
import sys

import pandas as pd

desk, legacy, out = sys.argv[1:]


def read(path, **options):
    return pd.read_csv(path, dtype=str, on_bad_lines="skip", keep_default_na=False, na_values=[""], encoding_errors="replace", **options)


def blank(column):
    return column.isna() | (column.str.strip() == "")


def cast(frame, times=(), numbers=()):
    """Casts columns and drops the rows where a value cannot be cast."""
    good = pd.Series(True, index=frame.index)
    for name in [*times, *numbers]:
        raw = frame[name]
        frame[name] = pd.to_datetime(raw, errors="coerce", format="ISO8601") if name in times else pd.to_numeric(raw, errors="coerce")
        good &= frame[name].notna() | blank(raw)
    return frame[good]


def write(name, frame):
    frame.to_parquet(f"{out}/{name}.parquet", compression="zstd", index=False)


customers = read(f"{desk}/raw/customers.csv").dropna(subset=["customer_id"]).drop_duplicates("customer_id")
customers["signup_date"] = pd.to_datetime(customers["signup_date"], errors="coerce")
write("customers", customers)
orders = cast(read(f"{desk}/raw/orders.csv").dropna(subset=["order_id", "customer_id"]), ["ordered_at"], ["amount"])
write("orders", orders.drop_duplicates("order_id"))
files = sorted(glob.glob(f"{desk}/raw/tickets/tickets-*.csv"))
tickets = pd.concat([*(read(file) for file in files), read(legacy, sep=";")])
tickets = tickets[~blank(tickets["ticket_id"]) & ~blank(tickets["body"])].reset_index(drop=True)
tickets = cast(tickets, ["opened_at", "first_reply_at", "closed_at"], ["waiting_minutes", "handle_minutes"])
tickets = tickets.dropna(subset=["opened_at"]).drop_duplicates("ticket_id")
write("tickets", tickets)


def turns():
    with open(f"{desk}/raw/chats.jsonl", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                row["client_app"] = (row.pop("client", None) or {}).get("app")
                yield row


chats = pd.DataFrame(turns()).astype(str)
chats = cast(chats, ["at"], ["turn"]).dropna(subset=["chat_id", "turn", "text"]).drop_duplicates(["chat_id", "turn"])
write("turns", chats)
ratings = cast(read(f"{desk}/raw/ratings.csv"), ["rated_at"], ["rating"]).dropna(subset=["ticket_id", "rating"])
write("ratings", ratings)
joined = tickets.merge(ratings[["ticket_id", "rating"]], on="ticket_id", how="left")
joined["day"] = joined["opened_at"].dt.floor("D")
days = joined.groupby(["day", "language"], as_index=False).agg(
    tickets=("ticket_id", "size"), waiting_minutes=("waiting_minutes", "mean"), rating=("rating", "mean"))
write("days", days)
