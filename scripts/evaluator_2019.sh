#!/bin/sh
# evaluator_2019.sh DIR: build the challenge's evaluator of 2019 as a virtual environment in DIR.
#
# TensorFlow 1.13.1 needs a Python 3.6 or 3.7. It is looked for, in this order, in $PYTHON_2019,
# pyenv, uv and PATH. Exit status 3 says that none was found; a finished DIR is left as it is.
set -eu
[ $# -eq 1 ] || { sed -n 2,5p "$0" >&2; exit 2; }
dir=$1
complete=$dir/evaluator-2019-complete
[ ! -f "$complete" ] || { echo "evaluator of 2019: $dir is complete"; exit 0; }

works() { # a Python of the right age, with the modules that a virtual environment needs
  [ -x "$1" ] && "$1" -c \
    'import ssl, sys, venv; sys.exit(not (3, 6) <= sys.version_info[:2] <= (3, 7))' 2>/dev/null
}

find_python() {
  for candidate in "${PYTHON_2019:-}" \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.6*/bin/python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.7*/bin/python \
    "$(uv python find 3.7 2>/dev/null || true)" "$(uv python find 3.6 2>/dev/null || true)" \
    "$(command -v python3.6 || true)" "$(command -v python3.7 || true)"; do
    if works "$candidate"; then echo "$candidate"; return; fi
  done
}

python=$(find_python)
if [ -z "$python" ]; then
  echo "evaluator of 2019: not built, because TensorFlow 1.13.1 needs Python 3.6 or 3.7 and" \
    "none was found in PYTHON_2019, pyenv, uv or PATH" >&2
  exit 3
fi
echo "evaluator of 2019: building $dir with $python (about two minutes, 850 MB)"
rm -rf "$dir"
"$python" -m venv "$dir"
pip() { "$dir/bin/python" -m pip --disable-pip-version-check "$@"; }
pip install -q pip==21.3.1 setuptools==59.6.0
pip install -q tensorflow==1.13.1 tensorflow-estimator==1.13.0 tensorboard==1.13.1 \
  tensorflow-hub==0.4.0 tensorflow-probability==0.6.0 gin-config==0.1.4 numpy==1.16.3 \
  scikit-learn==0.20.3 scipy==1.2.1 pandas==0.24.2 h5py==2.9.0 Pillow==6.0.0 matplotlib==3.0.3 \
  protobuf==3.7.1 gast==0.2.2 simplejson==3.16.0 six==1.12.0 imageio==2.5.0 dill==0.3.0 \
  numba==0.41.0 absl-py==0.7.1 mock==3.0.4 future==0.17.1 Keras-Applications==1.0.7 \
  Keras-Preprocessing==1.0.9 grpcio==1.20.1
pip install -q --no-deps disentanglement_lib==1.2 seaborn==0.9.0
"$dir/bin/python" -W ignore -c 'import tensorflow, tensorflow_hub, disentanglement_lib
print("evaluator of 2019: TensorFlow", tensorflow.__version__)'
: >"$complete"
