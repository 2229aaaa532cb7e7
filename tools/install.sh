#!/usr/bin/env bash
# Make a virtual environment and install pinned requirements, file by file. Usage: install.sh PYTHON DIR REQUIREMENTS...
set -eu
python=$1 dir=$2
shift 2
[ -x "$dir/bin/python" ] || "$python" -m venv "$dir"
log=$dir/install.log
: >"$log"
for file in "$@"; do
  total=$(grep -hcE "^[A-Za-z]" "$file")
  printf '  %s: %s packages ' "$file" "$total"
  # Uncompiled: Python compiles what is imported, which is a small part, when it is.
  "$dir/bin/python" -m pip install --disable-pip-version-check --no-compile --requirement "$file" >>"$log" 2>&1 &
  pip=$!
  trap 'kill $pip 2>/dev/null' INT TERM
  while kill -0 $pip 2>/dev/null; do
    printf .
    sleep 2
  done
  if ! wait $pip; then
    printf ' failed\n'
    tail -n 25 "$log" >&2
    printf 'next: read %s; is the package index reachable?\n' "$log" >&2
    exit 1
  fi
  printf ' done\n'
done
