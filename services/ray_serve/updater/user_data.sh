#!/bin/bash
# Runs once, at the instance's first start, on Amazon Linux 2023: installs one service and nothing else.
# Everything that changes later is fetched by that service, so an edit here is an edit of the instance.
set -euo pipefail

ECG_ROOT="$(printenv ECG_ROOT || true)" # empty on the box; the local stand-in has a folder of its own
ARTIFACTS_BUCKET="${ArtifactsBucketName}"
ENVIRONMENT="${Environment}"
REGION="${AWS::Region}"

command -v python3.11 >/dev/null || dnf install -y python3.11

mkdir -p "$ECG_ROOT/opt/ecg" "$ECG_ROOT/var/lib/ecg" "$ECG_ROOT/etc/systemd/system"

cat >"$ECG_ROOT/opt/ecg/updater.py" <<'UPDATER'
#include updater.py
UPDATER

# Without quotes: the variables above are filled in.
cat >"$ECG_ROOT/etc/systemd/system/ecg-updater.service" <<UNIT
#include ecg-updater.service
UNIT

systemctl daemon-reload
systemctl enable --now ecg-updater
