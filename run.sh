#!/bin/bash
# The platform's entry point: trains, exports, tells the platform how it goes.
#
# run.sh [ARGUMENTS of train.py ...], e.g. run.sh --gin_bindings "train.steps = 500"
#   DELTAVAE_GIN            configuration (default: gin/challenge/d10_beta10.gin)
#   AICROWD_OUTPUT_PATH, AICROWD_EVALUATION_NAME, AICROWD_DATASET_NAME, DISENTANGLEMENT_LIB_DATA
#                           set by the platform; local defaults unless AICROWD_IS_GRADING is set
# Scores the representation afterwards, except on the grader.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python

continue=()
if [ -z "${AICROWD_IS_GRADING+set}" ]; then
  export AICROWD_OUTPUT_PATH=${AICROWD_OUTPUT_PATH:-./scratch/shared}
  export AICROWD_EVALUATION_NAME=${AICROWD_EVALUATION_NAME:-local}
  export AICROWD_DATASET_NAME=${AICROWD_DATASET_NAME:-cars3d}
  export DISENTANGLEMENT_LIB_DATA=${DISENTANGLEMENT_LIB_DATA:-./scratch/dataset}
else
  continue=(--resume) # a container that the platform starts anew goes on where it stopped
fi

# The platform ends a run with SIGTERM; training then exports what it has.
trap '[ -z "${child:-}" ] || kill -TERM "$child" 2>/dev/null' TERM INT
attend() {
  "$@" &
  child=$!
  wait "$child"
  status=$?
  while kill -0 "$child" 2>/dev/null; do # a signal ended the wait, not the child
    wait "$child"
    status=$?
  done
  child=
  return "$status"
}

attend "$python" train.py --gin_config "${DELTAVAE_GIN:-gin/challenge/d10_beta10.gin}" \
  --dataset "${AICROWD_DATASET_NAME:-}" ${continue[@]+"${continue[@]}"} "$@"
status=$?
case $status in
  0) ;;
  1 | 2 | 130 | 143) exit "$status" ;; # train.py has told the platform why
  *) # it was killed before it could
    "$python" -m deltavae submission event error "training ended with status $status"
    exit "$status"
    ;;
esac

# sent by a process of its own, when the one that trained has given the GPU back
"$python" -m deltavae submission event submit || exit 1

if [ -z "${AICROWD_IS_GRADING+set}" ]; then
  attend "$python" evaluate.py --run_dir "$AICROWD_OUTPUT_PATH/$AICROWD_EVALUATION_NAME" --noreport
fi
