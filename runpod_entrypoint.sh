#!/usr/bin/env bash
# From a fresh pod to trained, evaluated and stored results; docs/guides/pod.md tells the rest.
set -euo pipefail

PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly PROJECT
readonly INTERRUPTED=75 # a checkpoint is there: the same command resumes from it
readonly MIN_GPU_MIB=4096
# Newest first; not every version has a wheel for every torch (docs/guides/pod.md).
readonly MAMBA=(2.3.2.post1 2.3.1 2.3.0 2.2.6.post3 2.2.5 2.2.4)
readonly CONV=(1.6.2.post1 1.6.1 1.6.0 1.5.4 1.5.3.post1 1.5.2)
readonly MAMBA_WHEELS=https://github.com/state-spaces/mamba/releases/download
readonly CONV_WHEELS=https://github.com/Dao-AILab/causal-conv1d/releases/download

MODEL=all DATASET="" EXPERIMENT="" ENVIRONMENT=runpod EPOCHS="" BACKEND=auto
RESUME=auto DRY_RUN=false STOP_POD=false KERNELS=false
STAGE="start" CHILD="" RUN_NAME=""

usage() {
  cat <<'HELP'
Usage: ./runpod_entrypoint.sh [options]

Sets the environment up, checks the machine, trains, evaluates and keeps the results.

  --model NAME      ss4rec-official, ncf, or all: both and their comparison (default: all);
                    ss4rec-plus: SS4Rec+, shown on the leaderboard
  --dataset NAME    ml-100k, ml-1m, ml-10m, ml-20m, ml-25m, ml-32m (default: the environment's)
  --env NAME        Kedro environment (default: runpod)
  --experiment NAME an experiment of conf/experiments, over the environment
  --epochs N        at most N epochs of each model
  --backend NAME    auto, official or triton kernels for SS4Rec (default: auto: triton, this
                    project's own and the faster ones; with --model ss4rec-official the official
                    ones where prebuilt wheels fit this machine; nothing is compiled)
  --resume          not needed: the same command resumes by itself; this says so if it cannot
  --smoke           ML-100K on the CPU, a few minutes: tries everything before a GPU is paid for
  --dry-run         print what would be done
  --no-wandb        tell Weights & Biases nothing
  --stop-pod        stop the pod at the end, however it ends
  --help            this text

From the environment: WANDB_API_KEY, DISCORD_WEBHOOK_URL, RUNPOD_API_KEY (for --stop-pod where
runpodctl is missing), DOLLARS_PER_HOUR (for the estimate), SEQREC_VOLUME (default: /workspace if it
can be written, else this folder), SEQREC_VENV (an environment made beforehand), SEQREC_WHEELS (a
folder with wheels of the official kernels), SEQREC_MIRROR (where MovieLens archives come from),
CUDA_VISIBLE_DEVICES (which of the GPUs are used; by default all of them).

Exit status: 0 done, 1 failed, 2 wrong options, 75 interrupted and resumable.
HELP
}

say() { printf '%s  %s\n' "$(date -u +%H:%M:%S)" "$*"; }

die() {
  printf 'STOP: %s\n' "$*" >&2
  tell "stopped before training: $*"
  exit 1
}

wrong() {
  printf '%s\nTry --help.\n' "$*" >&2
  exit 2
}

parse() {
  while (($#)); do
    case "$1" in
      --model | --dataset | --env | --experiment | --epochs | --backend)
        [[ $# -ge 2 && $2 != --* ]] || wrong "$1 needs a value"
        option "${1#--}" "$2"
        shift
        ;;
      --resume) RESUME=true ;;
      --smoke) ENVIRONMENT=smoke ;;
      --dry-run) DRY_RUN=true ;;
      --no-wandb) export WANDB_MODE=disabled ;;
      --stop-pod) STOP_POD=true ;;
      -h | --help) usage && exit 0 ;;
      *) wrong "unknown option $1" ;;
    esac
    shift
  done
}

option() {
  # Values become parts of --params and of paths: a comma would begin another parameter.
  [[ $2 =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || wrong "--$1 needs a plain name (letters, digits, '.', '_', '-'), not $2"
  case "$1=$2" in
    model=ss4rec)
      echo "WARNING: --model ss4rec is deprecated and means ss4rec-official: the home-made model is gone" >&2
      MODEL=ss4rec-official
      ;;
    model=ss4rec-official | model=ss4rec-plus | model=ncf | model=all) MODEL="$2" ;;
    model=*) wrong "unknown model $2: ss4rec-official, ss4rec-plus, ncf or all" ;;
    epochs=*)
      [[ $2 =~ ^[1-9][0-9]*$ ]] || wrong "--epochs needs a whole number above 0, not $2"
      EPOCHS="$2"
      ;;
    backend=auto | backend=official | backend=triton) BACKEND="$2" ;;
    backend=*) wrong "unknown backend $2: auto, official or triton" ;;
    dataset=*) DATASET="$2" ;;
    experiment=*)
      [[ -f "$PROJECT/conf/experiments/$2.yml" ]] || wrong "unknown experiment $2: see $PROJECT/conf/experiments"
      EXPERIMENT="$2"
      ;;
    env=*)
      [[ -d "$PROJECT/conf/$2" && $2 != experiments ]] || wrong "unknown environment $2: see $PROJECT/conf"
      ENVIRONMENT="$2"
      ;;
  esac
}

# --- where things lie ---------------------------------------------------------------------------

place() {
  # RunPod gives its variables to the first process only; shells over SSH find them here.
  # shellcheck disable=SC1091
  [[ -r /etc/rp_environment ]] && source /etc/rp_environment
  VOLUME="${SEQREC_VOLUME:-}"
  [[ -n $VOLUME ]] || { [[ -w /workspace ]] && VOLUME=/workspace || VOLUME="$PROJECT"; }
  [[ $VOLUME != *[,=]* ]] || die "the volume's path may not hold ',' or '=': $VOLUME"
  [[ ${SEQREC_MIRROR:-} != *,* ]] || die "SEQREC_MIRROR may not hold ','"
  mkdir -p "$VOLUME/.seqrec" "$VOLUME/logs" 2>/dev/null || die "$VOLUME cannot be written: set SEQREC_VOLUME"
  VOLUME="$(cd "$VOLUME" && pwd)"
  DATA="$VOLUME/data" RAW="$VOLUME/raw"
  [[ $VOLUME != "$PROJECT" ]] || RAW="$DATA/01_raw"
  VENV="${SEQREC_VENV:-$VOLUME/.seqrec/venv}"
  export PIP_CACHE_DIR="${PIP_CACHE_DIR:-$VOLUME/.seqrec/pip}" UV_CACHE_DIR="${UV_CACHE_DIR:-$VOLUME/.seqrec/uv}"
  export TRITON_CACHE_DIR="${TRITON_CACHE_DIR:-$VOLUME/.seqrec/triton}" KEDRO_DISABLE_TELEMETRY=1
  export NUMBA_CACHE_DIR="${NUMBA_CACHE_DIR:-$VOLUME/.seqrec/numba}"
  export UV_LINK_MODE=copy COLUMNS=160
}

lock() {
  exec 9>>"$VOLUME/.seqrec/lock"
  flock --timeout 5 9 || under_way
  echo "$$" >"$VOLUME/.seqrec/pid"
}

under_way() {
  STOP_POD=false # the other run needs it
  die "a run is still under way on $VOLUME (pid $(cat "$VOLUME/.seqrec/pid" 2>/dev/null || echo '?')): wait for it or stop it"
}

keep_log() {
  RUN_NAME="$(date -u +%Y-%m-%dT%H.%M.%S)-$MODEL"
  LOG="$VOLUME/logs/$RUN_NAME.log"
  # tee ignores signals: it must outlive what it listens to.
  exec > >(trap '' TERM INT HUP && exec tee -a "$LOG" 9>&-) 2>&1
}

# --- what the machine must have -------------------------------------------------------------------

check_machine() {
  STAGE="machine"
  local free
  free="$(df -Pk "$VOLUME" | awk 'NR == 2 { print int($4 / 1024) }')"
  ((free >= NEEDED_DISK_MIB)) || die "$VOLUME has $free MiB free and $NEEDED_DISK_MIB are needed: make room or take a larger volume"
  [[ $ENVIRONMENT != smoke ]] || return 0
  local gpus name driver mib
  gpus="$(nvidia-smi --query-gpu=name,driver_version,memory.free,index,uuid --format=csv,noheader,nounits 2>/dev/null)" \
    || die "nvidia-smi finds no GPU: rent a pod with one, or try --smoke on the CPU"
  gpus="$(visible <<<"$gpus")"
  [[ -n $gpus ]] || die "CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES leaves none of the GPUs that nvidia-smi finds: name some by index or UUID, or unset it"
  while IFS=, read -r name driver mib _; do
    say "GPU: $name,$driver,$mib MiB free"
    ((mib >= MIN_GPU_MIB)) || die "$name has $mib MiB free and $MIN_GPU_MIB are needed: another process holds it"
  done <<<"$gpus"
  GPUS="$(wc -l <<<"$gpus")"
}

# nvidia-smi lists every GPU; the run uses those that CUDA_VISIBLE_DEVICES names, if it is set.
visible() {
  case "${CUDA_VISIBLE_DEVICES-all}" in
    all) cat ;;
    MIG-*) head -n 1 ;; # CUDA gives a process one slice, whatever the list says
    *)
      awk -F ', *' -v "named=$CUDA_VISIBLE_DEVICES" '
        BEGIN { count = split(named, ids, / *, */) }
        { for (i = 1; i <= count; i++) if (ids[i] == $4 || (ids[i] ~ /^GPU-/ && index($5, ids[i]) == 1)) { print; next } }'
      ;;
  esac
}

# --- the environment ------------------------------------------------------------------------------

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python python3.14 python3.13 python3.12 python3.11; do
    [[ -n $candidate ]] && "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null \
      && { command -v "$candidate" && return; }
  done
  die "Python 3.11 to 3.14 is needed: set PYTHON=/path/to/one"
}

# The version of the image's torch, if it has one.
image_torch() {
  "$1" -c 'from importlib.metadata import version; print(version("torch"))' 2>/dev/null || true
}

set_up() {
  STAGE="set-up"
  if [[ -n ${SEQREC_VENV:-} ]]; then
    say "environment: $VENV (made beforehand)"
    return
  fi
  local python torch stamp
  python="$(find_python)"
  torch="$(image_torch "$python")"
  stamp="$({ cat "$PROJECT/pyproject.toml" "$PROJECT/constraints.txt" "$PROJECT/set_up.py"; "$python" -VV; echo "$torch" "$PROJECT"; } | sha256sum | cut -c1-16)"
  if [[ "$(cat "$VENV/.ready" 2>/dev/null)" == "$stamp" ]] && "$VENV/bin/python" -c 'import seqrec, torch' 2>/dev/null; then
    say "environment: $VENV (kept)"
    return
  fi
  say "environment: installing into $VENV, the image's torch: ${torch:-none}"
  rm -f "$VENV/.ready"
  "$VENV/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear --system-site-packages "$VENV" \
    || die "cannot make $VENV: is python3-venv installed?"
  install || die "the packages cannot be installed: see above; the next run begins again where this one stopped"
  "$VENV/bin/python" -m seqrec.ops.warm_up >/dev/null
  echo "$stamp" >"$VENV/.ready"
}

# The project, or the given packages; an image's own torch stays.
install() {
  "$VENV/bin/python" -I "$PROJECT/set_up.py" --python "$VENV/bin/python" -- "$@"
}

# Prebuilt wheels or none: compiling takes 20 minutes of paid time and fails where nvcc is missing.
install_kernels() {
  { wants_official && [[ $ENVIRONMENT != smoke ]]; } || return 0
  ! has_kernels || return 0
  local tags wheels
  if ! tags="$("$VENV/bin/python" "$PROJECT/src/seqrec/checks/wheel_tags.py")"; then
    no_wheels "$tags"
    return
  fi
  if [[ -n ${SEQREC_WHEELS:-} ]]; then
    wheels=("$SEQREC_WHEELS"/causal_conv1d-*.whl "$SEQREC_WHEELS"/mamba_ssm-*.whl)
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index "${wheels[@]}" || true
  elif wheels=("$(first_there "$CONV_WHEELS" causal_conv1d "$tags" "${CONV[@]}")" \
    "$(first_there "$MAMBA_WHEELS" mamba_ssm "$tags" "${MAMBA[@]}")") && [[ -n ${wheels[0]} && -n ${wheels[1]} ]]; then
    say "official kernels: ${wheels[*]##*/}"
    install "${wheels[@]}" || true
  fi
  has_kernels || no_wheels "$tags"
}

wants_official() {
  [[ $MODEL != ncf ]] && [[ $BACKEND == official || $BACKEND == auto && $MODEL == ss4rec-official ]]
}

# Importing them takes 10 s or more: once found, they are not looked for again.
has_kernels() {
  [[ $KERNELS == true ]] || { "$VENV/bin/python" -c 'import mamba_ssm, causal_conv1d' 2>/dev/null && KERNELS=true; }
}

# The address of the newest version that is published for this machine; nothing if none is.
first_there() {
  local place="$1" name="$2" tags="$3" version
  shift 3
  for version in "$@"; do
    if curl --silent --fail --location --head --max-time 10 --output /dev/null "$place/v$version/$name-$version+$tags"; then
      echo "$place/v$version/$name-$version+$tags"
      return
    fi
  done
}

no_wheels() {
  [[ $BACKEND != official ]] || die "no prebuilt official kernels for this machine ($1): use --backend triton"
  say "official kernels: no prebuilt wheels for this machine ($1); SS4Rec trains on the Triton kernels, the same function"
}

print_versions() {
  "$VENV/bin/python" - <<'PYTHON'
from importlib.metadata import PackageNotFoundError, version

for name in ("torch", "triton", "kedro", "recbole", "s5-pytorch", "mamba-ssm", "causal-conv1d", "wandb"):
    try:
        print(f"  {name:14} {version(name)}")
    except PackageNotFoundError:
        print(f"  {name:14} not installed")
PYTHON
}

# --- the run --------------------------------------------------------------------------------------

backend() {
  if [[ $ENVIRONMENT == smoke ]]; then
    echo auto
  elif [[ $BACKEND != auto ]]; then
    echo "$BACKEND"
  elif wants_official && has_kernels; then
    echo official
  else
    echo auto
  fi
}

where() {
  echo "data=$DATA,raw=$RAW${DATASET:+,dataset=$DATASET}${EXPERIMENT:+,experiment=$EXPERIMENT}"
}

# Ask the project for a setting or for files: `kedro project --help`. A dry run on a new volume has
# no environment to ask, and nothing to find.
ask() {
  local command="$1"
  shift
  [[ ! -x "$VENV/bin/python" ]] \
    || "$VENV/bin/python" -m kedro project "$command" --env "$ENVIRONMENT" --params "$(where)" "$@"
}

parameters() {
  local all
  all="$(where),resume=$RESUME,runtime.ssm_backend=$(backend)"
  [[ -z $EPOCHS ]] || all+="$(printf ",%s.training.epochs=$EPOCHS" ss4rec ss4rec_plus ncf)"
  [[ -z ${SEQREC_MIRROR:-} ]] || all+=",mirror=$SEQREC_MIRROR"
  echo "$all"
}

preflight() {
  STAGE="preflight"
  local model="${MODEL%-official}"
  model="${model//-/_}"
  run "$VENV/bin/python" -m kedro preflight --env "$ENVIRONMENT" --model "$model" --params "$(parameters)" \
    ${DOLLARS_PER_HOUR:+--dollars-per-hour "$DOLLARS_PER_HOUR"} || die "preflight is red: see the line that says STOP"
}

train_and_evaluate() {
  STAGE="run"
  local trainings data="data_processing,recbole_format"
  case "$MODEL" in
    all) trainings=train_ss4rec,train_ncf ;;
    ncf) trainings=train_ncf ;;
    ss4rec-plus) trainings=train_ss4rec_plus ;;
    *) trainings=train_ss4rec ;;
  esac
  if ((GPUS > 1)); then
    several_gpus "$data" "$trainings"
  else
    kedro_run "$data,$trainings$(evaluation)"
  fi
  # It lists trainings that are kept: a command of its own, after the training.
  [[ $MODEL != ss4rec-plus ]] || kedro_run leaderboard
}

# The comparison needs both models: one alone is compared if the other was trained before.
evaluation() {
  local other
  case "$MODEL" in
    all) echo ,evaluation && return ;;
    ss4rec-plus) return ;;
    ncf) other=ss4rec ;;
    *) other=ncf ;;
  esac
  [[ -z "$(ask paths "$other.target_ranks")" ]] || echo ,evaluation
}

several_gpus() {
  local name begun="$VOLUME/.seqrec/begun_run" asked
  # The phases are one W&B run, and the same command goes on with it after an interruption.
  asked="$(printf '%s' "$2 $(parameters)" | sed 's/resume=[a-z]*//' | sha256sum)"
  [[ "$(tail -n 1 "$begun" 2>/dev/null)" == "$asked" ]] || printf '%s\n%s\n' "$RUN_NAME" "$asked" >"$begun"
  WANDB_RUN_ID="$(head -n 1 "$begun")"
  export WANDB_RUN_ID
  kedro_run "$1"
  for name in ${2//,/ }; do
    run "$VENV/bin/python" -m torch.distributed.run --standalone --nproc-per-node "$GPUS" \
      -m kedro run --env "$ENVIRONMENT" --pipelines "$name" --params "$(parameters)"
  done
  local last
  last="$(evaluation)"
  [[ -z $last ]] || kedro_run "${last#,}"
  rm "$begun"
}

kedro_run() {
  run "$VENV/bin/python" -m kedro run --env "$ENVIRONMENT" --pipelines "$1" --params "$(parameters)"
}

# In the background, so that a signal reaches the trap at once and is handed on.
run() {
  $DRY_RUN && { printf '+'; printf ' %q' "$@"; echo; } | sed -E 's#://[^/@ ]+@#://<credentials>@#g' && return
  "$@" &
  CHILD=$!
  local status=0
  wait "$CHILD" || status=$?
  while kill -0 "$CHILD" 2>/dev/null; do
    status=0
    wait "$CHILD" || status=$?
  done
  CHILD=""
  [[ -z ${INTERRUPTION:-} ]] || exit "$INTERRUPTED"
  return "$status"
}

hand_on() {
  say "a signal has come: a checkpoint is written, then everything is kept"
  INTERRUPTION=true
  [[ -z $CHILD ]] || kill -TERM "$CHILD" 2>/dev/null || true
  [[ -n $CHILD ]] || exit "$INTERRUPTED"
}

# --- the end --------------------------------------------------------------------------------------

# Before Kedro runs nobody else can tell; while it runs, its hooks do.
tell() {
  [[ -n ${DISCORD_WEBHOOK_URL:-} && $STAGE != run && $DRY_RUN == false ]] && command -v curl >/dev/null || return 0
  local body
  body="$(printf '%s' "**seqrec** on ${RUNPOD_POD_ID:-$(hostname)}: $*" \
    | "${PYTHON:-python3}" -c 'import json, sys; print(json.dumps({"content": sys.stdin.read()[:1900]}))')" || return 0
  # The address is a secret: it goes through standard input, not through the list of processes.
  printf 'url = "%s"\n' "$DISCORD_WEBHOOK_URL" \
    | curl --silent --output /dev/null --max-time 10 --retry 2 --json "$body" --config - 2>/dev/null || true
}

finish() {
  local status=$?
  trap - EXIT
  set +e
  [[ -z ${INTERRUPTION:-} ]] || status=$INTERRUPTED
  [[ -z ${LOG:-} ]] || keep_results "$status"
  ! $STOP_POD || stop_pod
  exit "$status"
}

keep_results() {
  local kept="$VOLUME/results/$RUN_NAME" file
  mkdir -p "$kept"
  while IFS= read -r file; do
    # What an earlier run has made is in that run's results.
    [[ ! $file -nt "$VOLUME/.seqrec/pid" ]] || cp "$file" "$kept/"
  done < <(ask paths report comparison differences leaderboard provenance 2>/dev/null)
  case "$1" in
    0) say "done: $kept" ;;
    "$INTERRUPTED") say "interrupted; the same command goes on from the last checkpoint. Results so far: $kept, log: $kept/$RUN_NAME.log" ;;
    *) say "failed in stage $STAGE; mend it and run the same command again: a training goes on from its last checkpoint. Log: $kept/$RUN_NAME.log" ;;
  esac
  cp "$LOG" "$kept/"
}

stop_pod() {
  if [[ -z ${RUNPOD_POD_ID:-} ]]; then
    say "--stop-pod: this is no pod (RUNPOD_POD_ID is not set); nothing is stopped"
  elif $DRY_RUN; then
    say "+ stop pod $RUNPOD_POD_ID"
  elif command -v runpodctl >/dev/null && { runpodctl pod stop "$RUNPOD_POD_ID" || runpodctl stop pod "$RUNPOD_POD_ID"; }; then
    say "pod $RUNPOD_POD_ID is stopped"
  elif [[ -n ${RUNPOD_API_KEY:-} ]] && printf 'header = "Authorization: Bearer %s"\n' "$RUNPOD_API_KEY" \
    | curl --silent --fail --max-time 20 --config - --request POST "${RUNPOD_API:-https://rest.runpod.io/v1}/pods/$RUNPOD_POD_ID/stop" >/dev/null; then
    say "pod $RUNPOD_POD_ID is stopped"
  else
    say "WARNING: the pod could NOT be stopped and costs money: stop it by hand"
  fi
}

main() {
  parse "$@"
  NEEDED_DISK_MIB=10240 GPUS=1
  [[ $ENVIRONMENT != smoke ]] || NEEDED_DISK_MIB=3072
  # Before anything can fail: a pod that cannot write its volume is stopped too.
  $DRY_RUN || trap finish EXIT
  place
  cd "$PROJECT"
  if $DRY_RUN; then
    say "dry run: environment $VENV, data $DATA, archives $RAW"
    preflight
    train_and_evaluate
    ! $STOP_POD || stop_pod
    return
  fi
  lock
  keep_log
  trap hand_on TERM INT HUP
  say "seqrec: $MODEL, environment $ENVIRONMENT, volume $VOLUME"
  check_machine
  set_up
  install_kernels
  print_versions
  preflight
  train_and_evaluate
}

main "$@"
