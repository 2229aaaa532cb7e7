#!/usr/bin/env bash
# Every test. The two environments' suites run side by side (each leaves the other's core alone for much of its time);
# the whole pipeline comes after them. Arguments go to pytest.
set -u
log=$(mktemp)
trap 'kill "${serve:-}" 2>/dev/null; rm -f "$log"' EXIT
.venv-serve/bin/python -m pytest -q "$@" tests/services/ray_serve tests/tools >"$log" 2>&1 &
serve=$!
failed=0
.venv/bin/python -m pytest -q "$@" tests --ignore=tests/services/ray_serve --ignore=tests/tools --ignore=tests/e2e --ignore=tests/browser || failed=1
wait "$serve" || failed=1
serve=
echo "--- Ray Serve, reader and tools"
cat "$log"
echo "--- the whole pipeline"
.venv/bin/python -m pytest -q "$@" tests/e2e || failed=1
exit $failed
