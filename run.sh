#!/bin/bash
# The platform's entry point: trains, exports, tells the platform how it goes.
#
# run.sh [ARGUMENTS of train.py ...], e.g. run.sh --gin_bindings "train.steps = 500"
#   DELTAVAE_GIN            configuration (default: gin/challenge/d10_beta10.gin)
#   DELTAVAE_STUDY          a study instead, such as gin/studies/submission.gin: trains as many of
#                           its runs as fit into DELTAVAE_MAX_HOURS (6.5), chooses one without
#                           labels by DELTAVAE_SELECT (udr or elbo) and exports it; ARGUMENTS are
#                           those of `deltavae study`
#   AICROWD_OUTPUT_PATH, AICROWD_EVALUATION_NAME, AICROWD_DATASET_NAME, DISENTANGLEMENT_LIB_DATA
#                           set by the platform; where AICROWD_IS_GRADING is not set, those that
#                           are missing get a local default, which is printed
# Scores the run afterwards, except on the grader.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

python=python3
[ ! -x .venv/bin/python ] || python=.venv/bin/python

# the folder that train.py writes: what --output_dir names, the last one if there are several
run=
for ((i = 1; i <= $#; i++)); do
  case ${!i} in
    --output_dir=*) run=${!i#*=} ;;
    --output_dir) next=$((i + 1)) && run=${!next:-} ;;
  esac
done

continue=()
if [ -z "${AICROWD_IS_GRADING+set}" ]; then
  for default in AICROWD_OUTPUT_PATH=./scratch/shared AICROWD_EVALUATION_NAME=local \
    AICROWD_DATASET_NAME=cars3d DISENTANGLEMENT_LIB_DATA=./scratch/dataset; do
    name=${default%%=*}
    [ -z "${!name:-}" ] || continue
    export "${default?}"
    echo "run.sh: $name is not set; taking ${default#*=}" >&2
  done
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

if [ -n "${DELTAVAE_STUDY:-}" ]; then
  run=$AICROWD_OUTPUT_PATH/$AICROWD_EVALUATION_NAME
  chosen=(--representation "$run/representation" --output_dir "$run")
  "$python" -m deltavae submission event start
  attend "$python" -m deltavae study "$DELTAVAE_STUDY" --output_dir "$run/study" \
    --gin_bindings "study.datasets = ['$AICROWD_DATASET_NAME']" \
    --select "${DELTAVAE_SELECT:-udr}" --export "$run/representation" \
    --max_hours "${DELTAVAE_MAX_HOURS:-6.5}" "$@"
  status=$?
  # whatever else ended it, the best of the runs that have finished is exported
  [ "$status" = 2 ] || [ ! -f "$run/representation/selection.json" ] || status=0
  if [ "$status" != 0 ]; then
    "$python" -m deltavae submission event error "the study ended with status $status"
    exit "$status"
  fi
else
  chosen=(--run_dir "${run:-$AICROWD_OUTPUT_PATH/$AICROWD_EVALUATION_NAME}")
  attend "$python" train.py --gin_config "${DELTAVAE_GIN:-gin/challenge/d10_beta10.gin}" \
    ${AICROWD_DATASET_NAME:+--dataset "$AICROWD_DATASET_NAME"} ${continue[@]+"${continue[@]}"} "$@"
  status=$?
  case $status in
    0) ;;
    1 | 2 | 130 | 143) exit "$status" ;; # train.py has told the platform why
    *) # it was killed before it could
      "$python" -m deltavae submission event error "training ended with status $status"
      exit "$status"
      ;;
  esac
fi

# sent by a process of its own, when the one that trained has given the GPU back
"$python" -m deltavae submission event submit || exit 1

if [ -z "${AICROWD_IS_GRADING+set}" ]; then
  attend "$python" evaluate.py --noreport "${chosen[@]}"
fi
