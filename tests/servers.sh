#!/usr/bin/env bash
# Installs the servers that tests start by themselves: PostgreSQL and MariaDB from Debian's packages, and moto (S3 in
# memory) into a Python environment.
#   servers.sh FOLDER        prints nothing on standard output; FOLDER/bin/moto_server is ready afterwards
set -euo pipefail

folder=$1
missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
command -v curl >/dev/null || missing+=(curl)
if [ ${#missing[@]} != 0 ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "   ERROR: missing: ${missing[*]}; only root on a Debian can install them from here." >&2
        echo "   hint: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
bash "$(dirname "${BASH_SOURCE[0]}")/peers/venv.sh" "$(dirname "${BASH_SOURCE[0]}")/servers-requirements.txt" "$folder"
