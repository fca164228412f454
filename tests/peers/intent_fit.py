"""Intent on BANKING77: scikit-learn and deskmill fit the same rows, one after the other, on the same machine.

Measured is the wall time of features and training, and the accuracy on rows that neither has seen. The peer is TF-IDF
(words 1-2 and characters 2-5) with LinearSVC, as scikit-learn's own guide builds it.
"""

import argparse
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

from side_by_side import Figure, binary, data_file, show, stop

RATIO_MAX = 1.0
ACCURACY_LOSS_MAX = 0.005

PROJECT_FILE = """
[project]
name = "intent-fit"

[sources.banking77]
format = "csv"
path = "rows.csv"

[tables.questions]
sql = "questions.sql"
rows_of = "banking77"

[models.intent]
kind = "intent"
examples = "examples.sql"
"""
QUERIES = {
    "questions.sql": "select _row, text, category, split from raw.banking77",
    "examples.sql": "select text, category as label, text as entity, split from questions",
}


def part_of(text: str, seed: int) -> str:
    """`test` for a tenth of the texts, `calibrate` for a tenth of the rest, else `train`; by content, not by place."""
    normal = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    digest = hashlib.sha256(f"{seed}\n{normal}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return "test" if share < 0.10 else "calibrate" if share < 0.19 else "train"


def accuracy(found: list[str], truth: list[str]) -> float:
    return sum(a == b for a, b in zip(found, truth, strict=True)) / len(truth)


def fit_scikit_learn(train: list[dict], test: list[dict], jobs: int) -> tuple[float, float]:
    """Seconds of features and training, and accuracy. Imports are outside the clock.

    `jobs` 2 lets the two feature sets be made side by side, in processes; it costs more than it saves on these rows.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion, Pipeline
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    features = FeatureUnion([("words", words), ("characters", characters)], n_jobs=jobs)
    model = Pipeline([("features", features), ("classifier", LinearSVC(C=0.5))])
    texts, labels = [row["text"] for row in train], [row["category"] for row in train]
    started = time.perf_counter()
    model.fit(texts, labels)
    seconds = time.perf_counter() - started
    found = list(model.predict([row["text"] for row in test]))
    return seconds, accuracy(found, [row["category"] for row in test])


def fit_deskmill(rows: list[dict], test: list[dict]) -> tuple[float, float]:
    """Seconds of the stage `fit` in a whole run of a project of its own, and accuracy of `deskmill predict`."""
    with tempfile.TemporaryDirectory(prefix="deskmill-intent-fit-") as name:
        folder = Path(name)
        (folder / "deskmill.toml").write_text(PROJECT_FILE, encoding="utf-8")
        for path, query in QUERIES.items():
            (folder / path).write_text(query, encoding="utf-8")
        write_csv(folder / "rows.csv", ["text", "category", "split"], rows)
        write_csv(folder / "test.csv", ["text"], test)
        seconds = fit_seconds(deskmill("--json", "-C", name, "run"))
        deskmill("-C", name, "predict", "intent", "--in", str(folder / "test.csv"), "--out", str(folder / "out.csv"))
        with open(folder / "out.csv", encoding="utf-8", newline="") as lines:
            found = [row["label"] for row in csv.DictReader(lines)]
    return seconds, accuracy(found, [row["category"] for row in test])


def write_csv(path: Path, columns: list[str], rows: list[dict]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def deskmill(*arguments: str) -> str:
    """Standard output and standard error of the command, which must end well."""
    done = subprocess.run([binary("deskmill"), *arguments], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        command = " ".join(["deskmill", *arguments])
        stop(f"`{command}` ended with {done.returncode}:\n{done.stdout}{done.stderr}", "run it by hand")
    return done.stdout + done.stderr


def fit_seconds(output: str) -> float:
    """The wall time that `deskmill --json run` tells of its stage `fit`."""
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        if event.get("event") == "stage" and event.get("stage") == "fit":
            return float(event["wall_s"])
    return stop(f"the run told nothing of a stage `fit`:\n{output}", "deskmill --json run prints one line a stage")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[1], help="a split and a fit of both for each")
    arguments.add_argument("--jobs", type=int, default=1, help="n_jobs of scikit-learn's FeatureUnion")
    arguments.add_argument("--peer-only", action="store_true", help="measure scikit-learn alone")
    arguments.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    chosen = arguments.parse_args()

    if not chosen.peer_only:
        binary("deskmill")
    with open(data_file("banking77/train.csv"), encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    peer, ours = [], []
    for seed in chosen.seeds:
        for row in rows:
            row["split"] = part_of(row["text"], seed)
        train, test = ([row for row in rows if row["split"] == part] for part in ("train", "test"))
        print(f"seed {seed}: {len(train)} rows to fit, {len(test)} to test", flush=True)
        peer.append(fit_scikit_learn(train, test, chosen.jobs))
        if not chosen.peer_only:
            ours.append(fit_deskmill(rows, test))

    peer_s, peer_accuracy = means(peer)
    figures = [Figure("scikit-learn fit", f"{peer_s:.2f} s"), Figure("scikit-learn accuracy", f"{peer_accuracy:.4f}")]
    if ours:
        our_s, our_accuracy = means(ours)
        ratio, least = our_s / peer_s, peer_accuracy - ACCURACY_LOSS_MAX
        figures += [
            Figure("deskmill fit", f"{our_s:.2f} s"),
            Figure("deskmill accuracy", f"{our_accuracy:.4f}", f">= {least:.4f}", our_accuracy >= least),
            Figure("time, deskmill / scikit-learn", f"{ratio:.2f}", f"<= {RATIO_MAX:.2f}", ratio <= RATIO_MAX),
        ]
    met = show(f"BANKING77 intent, mean of {len(chosen.seeds)} split(s)", figures)
    return 1 if chosen.check and not met else 0


def means(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    return tuple(sum(values) / len(values) for values in zip(*pairs, strict=True))


if __name__ == "__main__":
    sys.exit(main())
