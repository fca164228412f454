"""Intent on millions of short texts: fastText, Vowpal Wabbit and deskmill fit the same rows, one after the other.

The rows are tickets of a desk from `deskmill sample` (subject and body, English and Chinese), cut by a hash of the text.
Measured is the wall time of the fit and the accuracy on rows that none has seen. The peers get their files ready made,
outside the clock: lower case, signs apart, and every Chinese character a word, since they cut at spaces. fastText is
`train_supervised` with its defaults on 2 threads; Vowpal Wabbit is `--oaa` on hashed words and word pairs, one pass, with
its reading in a thread of its own. deskmill is the stage `fit` of `deskmill run`, preparing, masking and cutting included.

    intent_scale.py [--rows N] [--check]

Needs the packages of requirements-intent.txt. Prints a table; with --check, ends with 1 when a target is missed.
"""

import argparse
import csv
import hashlib
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from side_by_side import Figure, binary, show, stop

RATIO_MAX = 1.0
MEMORY_MAX_MIB = 1024
# About so many usable tickets come of a simulated case.
ROWS_PER_CASE = 1.01

PROJECT_FILE = """
[project]
name = "intent-scale"

[limits]
memory_max_mib = 512

[sources.rows]
format = "csv"
path = "rows.csv"

[tables.questions]
sql = "questions.sql"
rows_of = "rows"

[models.intent]
kind = "intent"
examples = "examples.sql"
"""
QUERIES = {
    "questions.sql": "select _row, text, label, split from raw.rows",
    "examples.sql": "select text, label, _row as entity, split from questions",
}


def part_of(text: str) -> str:
    """`test` for a twentieth of the texts, `calibrate` for another, else `train`; by content, so no text is in two."""
    share = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64
    return "test" if share < 0.05 else "calibrate" if share < 0.10 else "train"


def tickets(desk: Path):
    """Text and label of every ticket that has both, of both systems."""
    files = [(path, "utf-8", ",") for path in sorted(desk.glob("raw/tickets/tickets-*.csv"))]
    files += [(path, "gb18030", ";") for path in sorted(desk.glob("raw/tickets/legacy-*.csv"))]
    for path, encoding, delimiter in files:
        with open(path, encoding=encoding, errors="replace", newline="") as lines:
            reader = csv.reader(lines, delimiter=delimiter)
            head = next(reader)
            subject, body, intent = (head.index(name) for name in ("subject", "body", "intent"))
            for row in reader:
                if len(row) == len(head) and row[body].strip() and row[intent]:
                    yield f"{row[subject]} {row[body].strip()}", row[intent]


def words_apart(text: str) -> str:
    return " ".join(re.sub(r"([^\w\s]|[\u3400-\u9fff])", r" \1 ", text.lower()).split())


def write_rows(desk: Path, folder: Path, rows_max: int) -> dict[str, int]:
    """The rows as each of the three reads them. How many there are of each part."""
    counts = {"train": 0, "calibrate": 0, "test": 0}
    numbers: dict[str, int] = {}
    names = [f"{part}.{peer}" for part in counts for peer in ("ft", "vw")]
    files = {name: open(folder / name, "w", encoding="utf-8") for name in names}
    with open(folder / "rows.csv", "w", encoding="utf-8", newline="") as ours:
        writer = csv.writer(ours)
        writer.writerow(["text", "label", "split"])
        for text, label in tickets(desk):
            part = part_of(text)
            # The peers learn the rows that deskmill calibrates with too, as deskmill does in the end.
            peer_part = "test" if part == "test" else "train"
            words, number = words_apart(text), numbers.setdefault(label, len(numbers) + 1)
            files[f"{peer_part}.ft"].write(f"__label__{label} {words}\n")
            files[f"{peer_part}.vw"].write(f"{number} |w {words.replace(':', '_').replace('|', '_')}\n")
            writer.writerow([text, label, part])
            counts[part] += 1
            if sum(counts.values()) >= rows_max:
                break
    for file in files.values():
        file.close()
    return counts | {"labels": len(numbers)}


def peer_fasttext(folder: Path, _labels: int) -> tuple[float, float]:
    import fasttext

    started = time.perf_counter()
    model = fasttext.train_supervised(str(folder / "train.ft"), thread=2, verbose=0)
    seconds = time.perf_counter() - started
    return seconds, model.test(str(folder / "test.ft"))[1]


def peer_vowpal_wabbit(folder: Path, labels: int) -> tuple[float, float]:
    import vowpalwabbit

    flags = f"--oaa {labels} --ngram w2 -b 22 --quiet"
    started = time.perf_counter()
    learner = vowpalwabbit.Workspace(f"-d {folder / 'train.vw'} {flags} -f {folder / 'vw.model'}", enable_logging=False)
    learner.finish()
    seconds = time.perf_counter() - started
    asked = f"-t -d {folder / 'test.vw'} -i {folder / 'vw.model'} -p {folder / 'vw.answers'} --quiet"
    vowpalwabbit.Workspace(asked).finish()
    with open(folder / "vw.answers", encoding="utf-8") as answers, open(folder / "test.vw", encoding="utf-8") as truth:
        right = [int(float(answer)) == int(line.split(" ", 1)[0]) for answer, line in zip(answers, truth, strict=True)]
    return seconds, sum(right) / len(right)


PEERS = {"fasttext": peer_fasttext, "vowpal_wabbit": peer_vowpal_wabbit}


def in_own_process(peer: str, folder: Path, labels: int) -> tuple[float, float, float]:
    """Seconds, accuracy and peak MiB of a peer that runs alone in a process."""
    command = [sys.executable, __file__, "--peer", peer, str(folder), str(labels)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        stop(f"{peer} ended with {done.returncode}:\n{done.stderr[-2000:]}", "install requirements-intent.txt")
    return tuple(json.loads(done.stdout.splitlines()[-1]))


def fit_deskmill(folder: Path) -> tuple[float, float, float]:
    """Seconds of the stage `fit`, accuracy of `deskmill predict` on the test rows, and peak MiB of the whole run."""
    (folder / "deskmill.toml").write_text(PROJECT_FILE, encoding="utf-8")
    for path, query in QUERIES.items():
        (folder / path).write_text(query, encoding="utf-8")
    probe = (
        "import resource,subprocess,sys;p=subprocess.run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024);sys.exit(p.returncode)"
    )
    command = [sys.executable, "-c", probe, str(binary("deskmill")), "--json", "-C", str(folder), "run"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        stop(f"`deskmill run` ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}", "run it by hand")
    events = [json.loads(line) for line in (done.stdout + done.stderr).splitlines() if line.startswith("{")]
    seconds = next(float(event["wall_s"]) for event in events if event.get("stage") == "fit" and "wall_s" in event)
    memory_mib = float(done.stdout.splitlines()[-1])
    asked, answered = folder / "asked.csv", folder / "answered.csv"
    with open(folder / "rows.csv", encoding="utf-8", newline="") as rows, open(asked, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "truth"])
        writer.writerows((row["text"], row["label"]) for row in csv.DictReader(rows) if row["split"] == "test")
    command = [str(binary("deskmill")), "-C", str(folder), "predict", "intent", "--in", str(asked), "--out", str(answered)]
    subprocess.run(command, check=True, capture_output=True)
    with open(asked, encoding="utf-8", newline="") as truth, open(answered, encoding="utf-8", newline="") as found:
        pairs = zip(csv.DictReader(truth), csv.DictReader(found), strict=True)
        right = [asked_row["truth"] == row["label"] for asked_row, row in pairs]
    return seconds, sum(right) / len(right), memory_mib


def main() -> int:
    if sys.argv[1:2] == ["--peer"]:
        seconds, accuracy = PEERS[sys.argv[2]](Path(sys.argv[3]), int(sys.argv[4]))
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([seconds, accuracy, peak_mib]))
        return 0
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=5_000_000, help="rows in all, held-back ones among them")
    arguments.add_argument("--check", action="store_true", help="end with 1 if a target is missed")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="deskmill-intent-scale-") as name:
        folder = Path(name)
        cases = str(int(chosen.rows / ROWS_PER_CASE) + 1_000)
        sample = [str(binary("deskmill")), "sample", "--cases", cases, "--out", str(folder / "desk")]
        subprocess.run(sample, check=True, capture_output=True)
        counts = write_rows(folder / "desk", folder, chosen.rows)
        print(counts, flush=True)
        figures, peers = [], {}
        for peer in PEERS:
            seconds, accuracy, memory_mib = peers[peer] = in_own_process(peer, folder, counts["labels"])
            figures.append(Figure(f"{peer} fit", f"{seconds:.1f} s"))
            figures.append(Figure(f"{peer} accuracy, memory", f"{accuracy:.4f}, {memory_mib:.0f} MiB"))
        seconds, accuracy, memory_mib = fit_deskmill(folder)
    best = max(peer[1] for peer in peers.values())
    figures += [
        Figure("deskmill fit", f"{seconds:.1f} s"),
        Figure("deskmill accuracy", f"{accuracy:.4f}", f">= {best:.4f}", accuracy >= best),
        Figure("deskmill peak memory", f"{memory_mib:.0f} MiB", f"<= {MEMORY_MAX_MIB}", memory_mib <= MEMORY_MAX_MIB),
    ]
    for peer, (peer_s, _, _) in peers.items():
        ratio = seconds / peer_s
        figures.append(Figure(f"time, deskmill / {peer}", f"{ratio:.2f}", f"<= {RATIO_MAX:.2f}", ratio <= RATIO_MAX))
    met = show(f"intent, {sum(counts[part] for part in ('train', 'calibrate', 'test'))} short texts", figures)
    return 1 if chosen.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
