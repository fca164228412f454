#!/usr/bin/env bash
# Makes the Python environment of a requirements file once, and again when the file or the Python changes.
#   venv.sh REQUIREMENTS FOLDER        prints nothing on standard output; FOLDER/bin/python3 is ready afterwards
set -euo pipefail

requirements=$1
folder=$2

say() { printf '   %s\n' "$*" >&2; }

# Debian keeps the module that `python3 -m venv` needs in a package of its own.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "ERROR: python3 with venv is missing, and only root on a Debian can install it from here."
        say "hint: apt-get install python3 python3-venv"
        exit 1
    fi
    say "installing python3-venv with apt-get"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >&2
fi

stamp="$(python3 -c 'import sys; print(sys.version, sys.executable)')
$(cat "$requirements")"
if [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && "$folder/bin/python3" -c '' 2>/dev/null; then
    exit 0
fi

say "installing $(grep -oE '^[a-z][^ ]+' "$requirements" | tr '\n' ' ')into $folder"
python3 -m venv --clear "$folder"
# Wheels only: the fresh machine has no Fortran, and a build from source would take an hour.
"$folder/bin/python3" -m pip install --quiet --disable-pip-version-check --only-binary :all: -r "$requirements" >&2
printf '%s\n' "$stamp" >"$folder/stamp"
