#!/usr/bin/env bash
# Every test, in four groups side by side: those that wait, for the embedded AWS or for Ray, leave the cores to those that
# compute. They share nothing. What is said beside the first is shown after it. Arguments go to pytest.
set -u
logs=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$logs"' EXIT
aws=(tests/functional tests/workflows tests/e2e)
apps=(tests/services/ray_serve/ecg_rhythm tests/services/ray_serve/signal_quality)
ray=(tests/services/ray_serve tests/tools)

.venv/bin/python -m pytest -q "$@" "${aws[@]}" >"$logs/aws" 2>&1 &
on_aws=$!
.venv-serve/bin/python -m pytest -q "$@" "${ray[@]}" "${apps[@]/#/--ignore=}" >"$logs/ray" 2>&1 &
on_ray=$!
.venv-serve/bin/python -m pytest -q "$@" "${apps[@]}" >"$logs/apps" 2>&1 &
in_apps=$!
failed=0
.venv/bin/python -m pytest -q "$@" tests --ignore=tests/browser "${aws[@]/#/--ignore=}" "${ray[@]/#/--ignore=}" || failed=1

ended() { # GROUP TITLE PROCESS
  wait "$3" || failed=1
  echo "--- $2"
  cat "$logs/$1"
}
ended apps "what Serve apps compute" $in_apps
ended aws "the embedded AWS, and the whole pipeline on it" $on_aws
ended ray "Ray Serve and tools" $on_ray
exit $failed
