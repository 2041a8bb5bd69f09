#!/usr/bin/env bash
# Installs the pinned requirements, and disentanglement-lib without the old versions it pins.
# install.sh [PYTHON]: the interpreter to install into, default `python`.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
python=${1:-python}
"$python" -m pip install -r "$here/requirements.txt"
"$python" -m pip install --no-deps -r "$here/requirements-nodeps.txt"
