"""Routing on public data sets, fitted and asked through the command line as anybody would.

incident  ServiceNow's event log: the group that solved an incident in the end, by what was known when it was opened. The latest
          fifth of the incidents asks. `--without-group` leaves out the group it was first given to.
endava    tickets of an IT desk, five classes by their text alone (the kind intent): five folds, macro F1
"""

import argparse
import csv
import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from projects import Project, share_of
from side_by_side import Figure, data_file, show, stop

FOLDS = 5
# What is known only later, and names of single events.
LATER = (
    "number ident_state active reassignment_count reopen_count sys_mod_count made_sla closed_code resolved_by resolved_at "
    "closed_at sys_updated_by sys_updated_at sys_created_at opened_at problem_id rfc vendor caused_by"
).split()


def time_of(written: str) -> datetime:
    return datetime.strptime(written, "%d/%m/%Y %H:%M")


def incidents(with_group: bool) -> tuple[list[str], list[tuple]]:
    """The opening of each incident with the group that solved it, the oldest first."""
    with open(data_file("incident_event_log/incident_event_log_dev.csv"), encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader)
        events: dict[str, list[list[str]]] = {}
        for row in reader:
            events.setdefault(row[0], []).append(row)
    place = {name: at for at, name in enumerate(header)}
    out = set(LATER) | (set() if with_group else {"assignment_group", "assigned_to"})
    kept = [at for at, name in enumerate(header) if name not in out]
    # The header says `category` twice; the second is the sub-category.
    names = [f"{header[at]}_2" if header[at] in header[:at] else header[at] for at in kept]
    rows = []
    for own in events.values():
        own.sort(key=lambda row: int(row[place["sys_mod_count"]]))
        first, last = own[0], own[-1][place["assignment_group"]]
        if last != "?":
            opened = time_of(first[place["opened_at"]])
            values = ["" if first[at] == "?" else first[at] for at in kept]
            rows.append((opened, (*values, opened.isoformat(), last)))
    rows.sort(key=lambda row: row[0])
    return [*names, "opened", "label"], [row for _, row in rows]


def incident(chosen: argparse.Namespace) -> list[Figure]:
    columns, rows = incidents(not chosen.without_group)
    edge = len(rows) * 4 // 5
    parts = []
    for at, row in enumerate(rows):
        part = "test" if at >= edge else "train"
        parts.append((*row, "calibrate" if part == "train" and share_of(f"{at}", 2) < 0.1 else part))
    categories = [name for name in columns if name not in ("opened", "label")]
    query = ", ".join(categories) + ", try_cast(opened as timestamp) as opened, label, part as split"
    found = fitted("routing", [*columns, "part"], f"select {query} from rows", parts, parts[edge:])
    asked = [row[-2] for row in parts[edge:]]
    first = sum(label == answer["label"] for label, answer in zip(asked, found, strict=True)) / len(asked)
    three = sum(label in json.loads(answer["labels"])[:3] for label, answer in zip(asked, found, strict=True)) / len(asked)
    return [
        Figure("incidents, final group first", f"{first:.4f}", ">= 0.66", first >= 0.66),
        Figure("incidents, final group among three", f"{three:.4f}", ">= 0.89", three >= 0.89),
    ]


def endava(_: argparse.Namespace) -> list[Figure]:
    with open(data_file("endava_tickets/latest_ticket_data.csv"), encoding="utf-8-sig", newline="") as lines:
        tickets = [(row["Description"], row["Category"]) for row in csv.DictReader(lines) if row["Category"]]
    found = []
    for fold in range(FOLDS):
        rows = []
        for text, label in tickets:
            part = "test" if int(share_of(text, 1) * FOLDS) == fold else "train"
            if part == "train" and share_of(text, 2) < 0.1:
                part = "calibrate"
            rows.append((text, label, part))
        asked = [row for row in rows if row[-1] == "test"]
        answers = fitted("intent", ["text", "label", "part"], 'select "text", label, part as split from rows', rows, asked)
        found += [(row[1], answer["label"]) for row, answer in zip(asked, answers, strict=True)]
    labels = {label for label, _ in found}
    scores = []
    for label in labels:
        hits = sum(had == given == label for had, given in found)
        scores.append(2 * hits / (sum(had == label for had, _ in found) + sum(given == label for _, given in found)))
    value = sum(scores) / len(scores)
    return [Figure(f"endava macro F1, {len(labels)} classes", f"{value:.4f}", ">= 0.80", value >= 0.80)]


def fitted(kind: str, columns: list[str], query: str, rows: list[tuple], asked: list[tuple]) -> list[dict]:
    with tempfile.TemporaryDirectory(prefix="deskmill-routing-sets-") as folder:
        return Project(Path(folder), kind, columns, query).answers(rows, {}, asked)


SETS = {made.__name__: made for made in (incident, endava)}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all without any")
    arguments.add_argument("--without-group", action="store_true", help="leave out who was first given an incident")
    arguments.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    chosen = arguments.parse_args()
    if unknown := [name for name in chosen.sets if name not in SETS]:
        stop(f"there is no data set {unknown[0]}", f"known: {', '.join(SETS)}")
    met = show("routing", [figure for name in chosen.sets or SETS for figure in SETS[name](chosen)])
    return 1 if chosen.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
