#!/usr/bin/env bash
# Every test, in three groups side by side: those that wait, for the embedded AWS or for Ray, leave the cores to the one
# that computes. They share nothing. What is said beside it is shown after it. Arguments go to pytest.
set -u
logs=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$logs"' EXIT
aws=(tests/functional tests/workflows tests/e2e)
ray=(tests/services/ray_serve tests/tools)
.venv/bin/python -m pytest -q "$@" "${aws[@]}" >"$logs/aws" 2>&1 &
on_aws=$!
.venv-serve/bin/python -m pytest -q "$@" "${ray[@]}" >"$logs/ray" 2>&1 &
on_ray=$!
failed=0
.venv/bin/python -m pytest -q "$@" tests --ignore=tests/browser "${aws[@]/#/--ignore=}" "${ray[@]/#/--ignore=}" || failed=1
wait $on_aws || failed=1
echo "--- the embedded AWS, and the whole pipeline on it"
cat "$logs/aws"
wait $on_ray || failed=1
echo "--- Ray Serve, reader and tools"
cat "$logs/ray"
exit $failed
