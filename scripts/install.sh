#!/usr/bin/env bash
# Installs the pinned requirements, and disentanglement-lib without the old versions it pins:
# by digest where the lock is for this platform, else by version.
# install.sh [PYTHON]: the interpreter to install into, default `python`.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
python=${1:-python}
platform=$("$python" -c 'import platform, sys
print(sys.platform, platform.machine(), *sys.version_info[:2])')
if [ "$platform" = "linux x86_64 3 11" ]; then
  "$python" -m pip install --no-deps --require-hashes -r "$here/requirements.lock"
else
  "$python" -m pip install -r "$here/requirements.txt"
  "$python" -m pip install --no-deps -r "$here/requirements-nodeps.txt"
fi
