"""Boosted trees: LightGBM and deskmill fit the same table, one after the other, on 2 threads.

200,000 rows of 30 columns: 21 numbers, some with nulls, and 9 categories of 4 to 50 values; the label follows from a third of
them by curves, steps and pairs, with noise. Measured are the wall time of the fit and the area under the ROC curve on 50,000
other rows. LightGBM gets arrays in memory and its own data set is in the clock; deskmill is the stage `fit` of `deskmill run`,
looking at the columns and reading Parquet included. Learning rate 0.1, 31 leaves, no penalty, no early end, for both.

    trees_fit.py [--rounds N ...] [--repeat N] [--check]

Needs the packages of requirements-trees.txt.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import lightgbm
import numpy
from projects import Project
from side_by_side import Figure, show
from sklearn.metrics import roc_auc_score

ROWS, TEST_ROWS, CALIBRATE_ROWS = 200_000, 50_000, 1_000
NUMBERS, CATEGORIES = 21, 9
RATIO_MAX = 1.0
AUROC_LOSS_MAX = 0.001


def table() -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Numbers (NaN is null), category codes (-1 is null), and labels."""
    chance = numpy.random.default_rng(7)
    rows = ROWS + TEST_ROWS + CALIBRATE_ROWS
    numbers = chance.normal(size=(rows, NUMBERS)).round(4)
    counts = [4, 6, 8, 12, 16, 20, 25, 40, 50]
    codes = numpy.stack([chance.integers(0, count, rows) for count in counts], axis=1)
    effects = [chance.normal(size=count) for count in counts]
    score = numbers[:, 0] + numpy.sin(2 * numbers[:, 1]) + (numbers[:, 2] > 0.5) * numbers[:, 3] - 0.5 * numbers[:, 4] ** 2
    score += 0.7 * effects[1][codes[:, 1]] + 0.7 * effects[5][codes[:, 5]] + 0.5 * effects[8][codes[:, 8]]
    score += 0.5 * (codes[:, 0] == 2) * numbers[:, 5]
    labels = (score + chance.logistic(size=rows) * 1.5 > -0.3).astype(int)
    numbers[chance.random(numbers.shape) < 0.05] = numpy.nan
    codes[chance.random(codes.shape) < 0.03] = -1
    return numbers, codes, labels


def fit_lightgbm(data: tuple, rounds: int) -> tuple[float, float]:
    numbers, codes, labels = data
    features = numpy.hstack([numbers, numpy.where(codes < 0, numpy.nan, codes)])
    train, test = slice(0, ROWS), slice(ROWS, ROWS + TEST_ROWS)
    how = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.1, "num_threads": 2, "verbose": -1}
    categories = list(range(NUMBERS, NUMBERS + CATEGORIES))
    started = time.perf_counter()
    rows = lightgbm.Dataset(features[train], labels[train], categorical_feature=categories, params={"verbose": -1})
    model = lightgbm.train(how, rows, rounds)
    seconds = time.perf_counter() - started
    return seconds, roc_auc_score(labels[test], model.predict(features[test]))


class Ours:
    """A project with the table; each fit has a recipe of its own."""

    def __init__(self, folder: Path, data: tuple):
        numbers, codes, labels = data
        names = [f"n{at}" for at in range(NUMBERS)] + [f"c{at}" for at in range(CATEGORIES)]
        columns = [*names, "label", "part"]
        cast = [f"try_cast({name} as double) as {name}" for name in names[:NUMBERS]] + names[NUMBERS:]
        query = f"select {', '.join(cast)}, label, part as split, _row as entity from rows"
        self.project = Project(folder, "satisfaction", columns, query)

        def row(at: int) -> tuple:
            part = "train" if at < ROWS else "test" if at < ROWS + TEST_ROWS else "calibrate"
            values = ["" if value != value else value for value in numbers[at]]
            words = ["" if code < 0 else f"v{code}" for code in codes[at]]
            return (*values, *words, labels[at], part)

        self.rows = [row(at) for at in range(len(labels))]
        self.asked = self.rows[ROWS : ROWS + TEST_ROWS]
        self.labels = labels[ROWS : ROWS + TEST_ROWS]

    def fit(self, rounds: int, turn: int) -> tuple[float, float]:
        """`turn` is part of the recipe, so that no fit is found done."""
        recipe = {"rounds": rounds, "learning_rate": 0.1, "leaves_max": 31, "l2": 0, "feature_fraction": 1, "stop_after": 100_000 - turn}
        answers = self.project.answers(self.rows, {**recipe, "dissatisfied": [1], "reasons": 0}, self.asked)
        low = [float(answer["dissatisfied"]) for answer in answers]
        return self.project.fit_seconds, roc_auc_score(self.labels, low)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, nargs="+", default=[100, 300], help="rounds of trees")
    arguments.add_argument("--repeat", type=int, default=3, help="fits of both; the fastest of each counts")
    arguments.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    chosen = arguments.parse_args()
    data = table()
    figures = []
    with tempfile.TemporaryDirectory(prefix="deskmill-trees-fit-") as folder:
        ours = Ours(Path(folder), data)
        for rounds in chosen.rounds:
            pairs = [(fit_lightgbm(data, rounds), ours.fit(rounds, turn)) for turn in range(chosen.repeat)]
            theirs, own = min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)
            ratio = own[0] / theirs[0]
            figures += [
                Figure(f"{rounds} rounds, LightGBM", f"{theirs[0]:.2f} s"),
                Figure(f"{rounds} rounds, deskmill", f"{own[0]:.2f} s"),
                Figure(f"{rounds} rounds, time", f"{ratio:.2f}", f"<= {RATIO_MAX:.2f}", ratio <= RATIO_MAX),
                Figure(f"{rounds} rounds, AUROC of LightGBM", f"{theirs[1]:.4f}"),
                Figure(
                    f"{rounds} rounds, AUROC",
                    f"{own[1]:.4f}",
                    f">= {theirs[1] - AUROC_LOSS_MAX:.4f}",
                    own[1] >= theirs[1] - AUROC_LOSS_MAX,
                ),
            ]
    met = show(f"boosted trees, {ROWS} rows of {NUMBERS + CATEGORIES} columns", figures)
    return 1 if chosen.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
