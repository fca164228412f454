"""What the peer scripts share: where the built binaries are, which machine this is, and the table of the results."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def binary(name: str) -> Path:
    """The release binary of this name; ends the script with 2 if it is not built."""
    path = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / name
    if not path.is_file():
        stop(f"there is no {path}", "cargo build --release --workspace --exclude deskmill-tests --bins")
    return path


def data_file(name: str) -> Path:
    """A file of the measuring data, below DESKMILL_DATA; ends the script with 2 if it is not there."""
    path = Path(os.environ.get("DESKMILL_DATA", ROOT.parent / "shared" / "data")) / name
    if not path.is_file():
        stop(f"there is no {path}", "set DESKMILL_DATA to the folder that holds the data sets")
    return path


def stop(message: str, hint: str) -> None:
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    sys.exit(2)


def machine() -> str:
    """One line on the machine. The load is part of it: on a busy machine the times below mean little."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, load {os.getloadavg()[0]:.1f}"


@dataclass
class Figure:
    """One measured figure; `target` in words, `met` None if there is none."""

    name: str
    value: str
    target: str = ""
    met: bool | None = None


def show(title: str, figures: list[Figure]) -> bool:
    """Prints the table; true if every target is met."""
    print(f"{title}\nmachine: {machine()}")
    name_width = max(len(figure.name) for figure in figures)
    value_width = max(len(figure.value) for figure in figures)
    for figure in figures:
        verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
        target = f"target {figure.target}: {verdict}" if figure.target else ""
        print(f"  {figure.name:<{name_width}}  {figure.value:>{value_width}}  {target}".rstrip())
    return all(figure.met is not False for figure in figures)
