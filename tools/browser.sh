#!/usr/bin/env bash
# Installs what the browser tests run, on Debian or Ubuntu, unless it is there: Chromium, njs, a font with Korean letters.
set -eu
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v njs >/dev/null || missing+=(njs)
[ -d /usr/share/fonts/truetype/nanum ] || missing+=(fonts-nanum)
[ ${#missing[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
  printf 'missing: %s\n  next: install them with the package manager of this machine\n' "${missing[*]}" >&2
  exit 1
fi
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
printf '  %s\n' "${missing[*]}"
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 15 "$log" >&2
  printf 'next: apt-get install %s\n' "${missing[*]}" >&2
  exit 1
fi
