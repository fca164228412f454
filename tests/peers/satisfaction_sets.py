"""Satisfaction models on public data sets, fitted and asked through the command line as anybody would.

telco     customers of a telephone company who left: five folds, area under the ROC curve
airline   passengers, satisfied or not: five folds, accuracy
jddc      Chinese shop chats, three levels after each turn: five folds by conversation, macro F1
control   ratings that were drawn at random: nothing may be found in them

No official test part is here: the folds are those of the file that there is, so a fifth less is learned from.
"""

import argparse
import ast
import csv
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from projects import Project, share_of
from side_by_side import Figure, data_file, show, stop

FOLDS = 5
CHANCE_MAX = 0.55


@dataclass
class Data:
    """Rows with their label last; rows of one entity stay together."""

    columns: list[str]
    rows: list[tuple]
    entity: Callable[[tuple], str]
    recipe: dict = field(default_factory=dict)


def read(name: str, skip: set[str], label: str, **recipe: object) -> Data:
    with open(data_file(name), encoding="utf-8", newline="") as lines:
        all_rows = list(csv.DictReader(lines))
    columns = [column for column in all_rows[0] if column and column != label and column not in skip]
    rows = [(*(row[column].strip() for column in columns), row[label]) for row in all_rows if row[label]]
    return Data([plain(column) for column in columns], rows, "\t".join, dict(recipe))


def plain(column: str) -> str:
    """A name that needs no quotes in SQL."""
    return "".join(c if c.isalnum() else "_" for c in column.lower()).strip("_")


def telco(_: argparse.Namespace) -> Data:
    return read("telco_churn/telco_dev.csv", {"customerID"}, "Churn", dissatisfied=["Yes"], reasons=0)


def airline(_: argparse.Namespace) -> Data:
    name = "airline_pax_satisfaction/airline_pax_dev.csv"
    return read(name, {"id"}, "satisfaction", dissatisfied=["neutral or dissatisfied"], reasons=0)


def jddc(_: argparse.Namespace) -> Data:
    rows = []
    conversation, before = "", []
    with open(data_file("uss_jddc_asap/jddc/valid_jddc.txt"), encoding="utf-8") as lines:
        for line in lines:
            turns, acts, level = line.rstrip("\n").split("\t")
            turns, acts = ast.literal_eval(turns), ast.literal_eval(acts)
            # A conversation grows from line to line, and slides on once it has 16 turns. Replies are filled in a line later.
            asked = [turn.split("|||")[0] for turn in turns]
            grows, slides = asked[: len(before)] == before and len(asked) > len(before), asked[:-1] == before[1:]
            if not before or not (grows or slides):
                conversation = f"c{len(rows)}"
            before = asked
            rows.append((conversation, "\n".join(turns), turns[-1], f"act{acts[-1]}", str(len(turns)), level))
    columns = ["conversation", "turns", "last_turn", "last_act", "turn"]
    recipe = {"columns": {"conversation": "skip"}, "dissatisfied": [0], "balance": 0.5, "reasons": 0}
    return Data(columns, rows, lambda row: row[0], recipe)


def control(_: argparse.Namespace) -> Data:
    skip = {"Ticket ID", "Customer Name", "Customer Email"}
    name, label = "support_tickets_kaggle/customer_support_tickets.csv", "Customer Satisfaction Rating"
    return read(name, skip, label, reasons=0)


SETS = {made.__name__: made for made in (telco, airline, jddc, control)}


def numbers(columns: list[str], rows: list[tuple]) -> set[str]:
    """The columns whose values are numbers."""

    def is_number(value: str) -> bool:
        try:
            float(value)
        except ValueError:
            return not value.strip()
        return True

    return {name for at, name in enumerate(columns) if all(is_number(row[at]) for row in rows)}


def query(data: Data) -> str:
    """Examples with numbers as numbers; a CSV file holds texts."""
    given = numbers(data.columns, data.rows)
    cast = [f"try_cast(trim({name}) as double) as {name}" if name in given else name for name in data.columns]
    return f"select {', '.join(cast)}, label, entity, part as split from rows"


def fold_answers(data: Data, folds: int) -> list[tuple[str, dict]]:
    """The label and the answers of all rows, each by a model that has not seen its entity."""
    found = []
    columns = [*data.columns, "label", "entity", "part"]
    for fold in range(folds):
        rows = []
        for row in data.rows:
            share = share_of(data.entity(row), 1)
            part = "test" if int(share * FOLDS) == fold else "train"
            if part == "train" and share_of(data.entity(row), 2) < 0.1:
                part = "calibrate"
            rows.append((*row, f"e{share}", part))
        asked = [row for row in rows if row[-1] == "test"]
        with tempfile.TemporaryDirectory(prefix="deskmill-satisfaction-sets-") as folder:
            project = Project(Path(folder), "satisfaction", columns, query(data))
            answers = project.answers(rows, data.recipe, asked)
        found += zip((row[-3] for row in asked), answers, strict=True)
    return found


def auroc(found: list[tuple[str, dict]], low: set[str]) -> float:
    """By ranks; equal scores count half."""
    ranked = sorted((float(answer["dissatisfied"]), label in low) for label, answer in found)
    total, at = 0.0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        total += (at + 1 + end) / 2 * sum(is_low for _, is_low in ranked[at:end])
        at = end
    n = sum(is_low for _, is_low in ranked)
    return (total - n * (n + 1) / 2) / (n * (len(ranked) - n))


def accuracy(found: list[tuple[str, dict]]) -> float:
    return sum(label == answer["label"] for label, answer in found) / len(found)


def macro_f1(found: list[tuple[str, dict]]) -> float:
    scores = []
    for level in {label for label, _ in found}:
        hits = sum(label == answer["label"] == level for label, answer in found)
        given = sum(answer["label"] == level for _, answer in found)
        had = sum(label == level for label, _ in found)
        scores.append(2 * hits / (given + had))
    return sum(scores) / len(scores)


def figure(name: str, found: list[tuple[str, dict]]) -> Figure:
    if name == "telco":
        value = auroc(found, {"Yes"})
        return Figure("telco AUROC", f"{value:.4f}", ">= 0.848", value >= 0.848)
    if name == "airline":
        value = accuracy(found)
        return Figure("airline accuracy", f"{value:.4f}", ">= 0.962", value >= 0.962)
    if name == "jddc":
        value = macro_f1(found)
        return Figure("jddc macro F1", f"{value:.4f}", ">= 0.55", value >= 0.55)
    value = auroc([(label.removesuffix(".0"), answer) for label, answer in found], {"1", "2"})
    return Figure("control AUROC", f"{value:.4f}", f"<= {CHANCE_MAX}", value <= CHANCE_MAX)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all without any")
    arguments.add_argument("--folds", type=int, default=FOLDS, help=f"so many of the {FOLDS} folds, from the first")
    arguments.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    chosen = arguments.parse_args()
    if unknown := [name for name in chosen.sets if name not in SETS]:
        stop(f"there is no data set {unknown[0]}", f"known: {', '.join(SETS)}")
    shown = []
    for name in chosen.sets or SETS:
        shown.append(figure(name, fold_answers(SETS[name](chosen), chosen.folds)))
        print(f"{name}: done", file=sys.stderr, flush=True)
    met = show("satisfaction", shown)
    return 1 if chosen.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
