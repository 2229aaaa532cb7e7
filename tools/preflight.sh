#!/usr/bin/env bash
# Says what is missing before anything is installed. Usage: preflight.sh PYTHON
set -u
python=$1
missing=0
need() {
  printf 'missing: %s\n  next: %s\n' "$1" "$2" >&2
  missing=1
}
if ! command -v "$python" >/dev/null; then
  if python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
    need "$python (python3 is 3.11)" "make PYTHON=python3 ..."
  else
    need "Python 3.11" "apt-get install python3.11 python3.11-venv, or make PYTHON=/path/to/python3.11 ..."
  fi
elif ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
  need "Python 3.11 ($python is $("$python" -V 2>&1))" "make PYTHON=/path/to/python3.11 ..."
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  need "the venv module of $python" "apt-get install python3.11-venv"
fi
command -v git >/dev/null || need "git" "apt-get install git"
command -v curl >/dev/null || need "curl (the API container's health check runs it)" "apt-get install curl"
command -v npm >/dev/null || need "Node 20 with npm (the page is built with it)" "apt-get install nodejs npm"
command -v openssl >/dev/null || need "openssl (keys and certificates of the embedded AWS)" "apt-get install openssl"
[ "$(uname -s)" = Linux ] || need "Linux (the local system uses addresses of 127/8)" "use a Linux machine or container"
exit $missing
