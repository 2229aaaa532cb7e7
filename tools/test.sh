#!/usr/bin/env bash
# Every test, in four groups side by side: those that wait, for the embedded AWS or for Ray, leave the cores to those
# that compute. They share nothing. In front is the one that tries Ctrl-C, which a shell keeps from what it runs behind;
# what the others say is shown after it. Arguments go to pytest.
set -u
logs=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$logs"' EXIT
aws=(tests/functional tests/workflows tests/e2e)
apps=(tests/services/ray_serve/ecg_rhythm tests/services/ray_serve/signal_quality)
ray=(tests/services/ray_serve tests/tools)

.venv-serve/bin/python -m pytest -q "$@" "${ray[@]}" "${apps[@]/#/--ignore=}" >"$logs/ray" 2>&1 &
on_ray=$!
.venv-serve/bin/python -m pytest -q "$@" "${apps[@]}" >"$logs/apps" 2>&1 &
in_apps=$!
.venv/bin/python -m pytest -q "$@" tests --ignore=tests/browser "${aws[@]/#/--ignore=}" "${ray[@]/#/--ignore=}" >"$logs/rest" 2>&1 &
rest=$!
failed=0
echo "--- the embedded AWS, and the whole pipeline on it"
.venv/bin/python -m pytest -q "$@" "${aws[@]}" || failed=1

ended() { # LOG TITLE PROCESS
  wait "$3" || failed=1
  echo "--- $2"
  cat "$logs/$1"
}
ended rest "generator and API" $rest
ended apps "what Serve apps compute" $in_apps
ended ray "Ray Serve and tools" $on_ray
exit $failed
