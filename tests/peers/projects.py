"""Projects of the peer scripts: rows of a data set fitted and asked through the command line, as anybody would."""

import csv
import hashlib
import json
import subprocess
import unicodedata
from pathlib import Path

from side_by_side import binary, stop


def share_of(text: str, seed: int) -> float:
    """A number from 0 to 1 by content, not by place: a text that comes twice is on one side."""
    normal = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return int.from_bytes(hashlib.sha256(f"{seed}\n{normal}".encode()).digest()[:8], "big") / 2**64


def write_csv(path: Path, columns: list[str], rows: list[tuple]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(rows)


class Project:
    """A project in a folder of its own, with one model of one table. Vectors of texts are kept between its fits."""

    def __init__(self, folder: Path, kind: str, columns: list[str], examples: str):
        """`columns` are those of rows.csv; `examples` is a query over the table `rows`."""
        self.folder, self.kind, self.columns = folder, kind, columns
        self.encoder = None
        self.fit_seconds = 0.0
        named = ", ".join(f'"{column}"' for column in columns)
        (folder / "rows.sql").write_text(f"select _row, {named} from raw.rows", encoding="utf-8")
        (folder / "examples.sql").write_text(examples, encoding="utf-8")
        write_csv(folder / "rows.csv", columns, [])
        self.write({})

    def add_encoder(self, name: str, wheel: Path) -> None:
        self.deskmill("encoder", "add", "--from", str(wheel), "--name", name)
        self.encoder = name

    def write(self, recipe: dict) -> None:
        encoder = f'encoder = "{self.encoder}"\n' if self.encoder else ""
        keys = "".join(f"{key} = {toml(value)}\n" for key, value in recipe.items())
        (self.folder / "deskmill.toml").write_text(
            f"""[project]
name = "peers"

[sources.rows]
format = "csv"
path = "rows.csv"
delimiter = ","
header = true

[tables.rows]
sql = "rows.sql"
rows_of = "rows"

[models.model]
kind = "{self.kind}"
examples = "examples.sql"
{encoder}
[models.model.gate]
not_worse_than_current = false

[models.model.recipe]
{keys}""",
            encoding="utf-8",
        )

    def deskmill(self, *arguments: str) -> str:
        command = [str(binary("deskmill")), "-C", str(self.folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
        if done.returncode != 0:
            stop(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}", "run it by hand")
        return done.stdout

    def answers(self, rows: list[tuple], recipe: dict, asked: list[tuple]) -> list[dict]:
        """Fits the rows, and gives what the model answers to others, which have the same columns."""
        self.write(recipe)
        write_csv(self.folder / "rows.csv", self.columns, rows)
        for line in self.deskmill("--json", "run").splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("stage") == "fit" and "wall_s" in event:
                self.fit_seconds = float(event["wall_s"])
        write_csv(self.folder / "asked.csv", self.columns, asked)
        found = self.folder / "found.csv"
        found.unlink(missing_ok=True)
        self.deskmill("predict", "model", "--in", str(self.folder / "asked.csv"), "--out", str(found))
        with open(found, encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))


def toml(value: object) -> str:
    """A value of a recipe as TOML; tables on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
