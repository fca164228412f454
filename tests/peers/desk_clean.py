#!/usr/bin/env python3
"""Cleaning a large simulated desk, beside DuckDB, Polars and pandas on the same machine, in the same run.

Each of them reads the raw files of a desk from `deskmill sample` (tickets of two systems, customers, orders, ratings,
chats), casts, drops what breaks a rule, drops duplicates by key, joins, aggregates and writes Parquet. deskmill does more:
it keeps every rejected row with its place and reason, and a row's way back to its file. The legacy tickets are GB18030,
which the peers do not read: they get a copy in UTF-8, and Polars the chats without their broken lines, made before the
clock starts.

    desk_clean.py [--cases N] [--desk FOLDER] [--peers duckdb polars pandas] [--check]

Needs the packages of requirements-data.txt and a built `deskmill` (DESKMILL_BIN, or the release build). Prints a table;
with --check, ends with 1 when a target is missed.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# The most that deskmill may take, as a multiple of the peer's wall time.
TARGETS = {"duckdb": 1.5, "polars": 1.5, "pandas": 1 / 8}
MEMORY_MAX_MIB = 2048


def binary():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return Path(os.environ.get("DESKMILL_BIN", target / "release" / "deskmill"))


def project_without_models(text):
    """The sample's project file without what only deskmill does: models, mails and pages."""
    kept, skipping = [], False
    for line in text.splitlines():
        if line.startswith("["):
            name = line.strip("[]# ").split("]")[0]
            skipping = name.startswith(("models", "serving")) or name.split(".")[1:2] in (["mail"], ["mails"], ["pages"])
        if not skipping:
            kept.append(line)
    return "\n".join(kept) + "\n"


def run(command, **env):
    """Wall seconds and peak resident MiB of a command."""
    from_time = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **env})
    _, error = process.communicate()
    wall_s = time.perf_counter() - from_time
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{error.decode()[-2000:]}")
    return wall_s


def is_object(line):
    """Whether a line of JSON is whole."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def measured(command, **env):
    """Runs a command in a child of its own, so that its peak memory is its own."""
    probe = (
        "import resource,subprocess,sys,time;t=time.perf_counter();"
        "p=subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.PIPE);"
        "w=time.perf_counter()-t;r=resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(w,r.ru_maxrss/1024,p.returncode,r.ru_utime+r.ru_stime);sys.stderr.buffer.write(p.stderr[-2000:])"
    )
    out = subprocess.run([sys.executable, "-c", probe, *map(str, command)], capture_output=True, text=True, env={**os.environ, **env})
    wall_s, memory_mib, code, cpu_s = out.stdout.split()
    if int(code) != 0:
        sys.exit(f"{command[0]} failed:\n{out.stderr[-2000:]}")
    return float(wall_s), float(memory_mib), float(cpu_s)


def deskmill(desk, work):
    """The desk's own project, without models, from nothing."""
    folder = work / "project"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "raw").symlink_to(desk / "raw")
    shutil.copytree(desk / "sql", folder / "sql")
    (folder / "deskmill.toml").write_text(project_without_models((desk / "deskmill.toml").read_text()))
    return measured([binary(), "-C", folder, "check"])


TABLES = ["customers", "orders", "tickets", "turns", "ratings", "days"]


def rows_of_deskmill(work):
    """Rows of each table as deskmill kept them."""
    report = json.loads((work / "project/.deskmill/last-run.json").read_text())
    return [report["tables"][table]["kept"] for table in TABLES]


def rows_of_files(folder):
    """Rows of each table as a peer wrote them."""
    import pyarrow.parquet

    return [pyarrow.parquet.read_metadata(folder / f"{table}.parquet").num_rows for table in TABLES]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2_600_000, help="about 3.8 rows each; 2,600,000 are 10 million rows")
    parser.add_argument("--desk", type=Path, help="a desk that is there already")
    parser.add_argument("--peers", nargs="*", default=["duckdb", "polars", "pandas"])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        work = Path(scratch)
        desk = args.desk.resolve() if args.desk else work / "desk"
        if not args.desk:
            run([binary(), "sample", "--cases", str(args.cases), "--out", str(desk)])
        legacy = work / "legacy.csv"
        with open(legacy, "wb") as out:
            for path in sorted((desk / "raw/tickets").glob("legacy-*.csv")):
                out.write(path.read_bytes().decode("gb18030", "replace").encode())
        chats = work / "chats.jsonl"
        with open(desk / "raw/chats.jsonl", "rb") as lines, open(chats, "wb") as out:
            out.writelines(line for line in lines if is_object(line))
        ours = min(deskmill(desk, work) for _ in range(args.repeat))
        rows = [("deskmill", *ours, 1.0, None)]
        kept = {"deskmill": rows_of_deskmill(work)}
        missed = ours[1] > MEMORY_MAX_MIB
        for peer in args.peers:
            script = HERE / f"desk_clean_{peer}.py"
            found = []
            for _ in range(args.repeat):
                out = work / peer
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                more = [chats] if peer == "polars" else []
                found.append(measured([sys.executable, script, desk, legacy, out, *more]))
            kept[peer] = rows_of_files(work / peer)
            theirs = min(found)
            ratio = ours[0] / theirs[0]
            missed |= ratio > TARGETS[peer]
            rows.append((peer, *theirs, ratio, TARGETS[peer]))
        size_mb = sum(path.stat().st_size for path in (desk / "raw").rglob("*") if path.suffix in (".csv", ".jsonl")) / 1e6
        print(f"{size_mb:.0f} MB of csv and jsonl")
        print(f"{'':10} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9} {'deskmill takes':>15} {'target':>8}")
        for name, wall_s, memory_mib, cpu_s, ratio, target in rows:
            goal = "" if target is None else f"{target:.3g}x"
            print(f"{name:10} {wall_s:8.1f} {cpu_s:8.1f} {memory_mib:9.0f} {ratio:14.2f}x {goal:>8}")
        # The same work: readers differ in which broken rows they let through, so the counts differ a little.
        print(f"\n{'rows kept':10} " + " ".join(f"{table:>11}" for table in TABLES))
        for name, counts in kept.items():
            print(f"{name:10} " + " ".join(f"{count:11,}" for count in counts))
    return 1 if args.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
