#!/usr/bin/env bash
# plan.sh STACK FOLDER — plans a stack and leaves plan.md (the comment), plan.html and plan.json in the folder.
# Exits 0 whether or not there is something to do, and otherwise with what infra exits with: a plan that a policy denies is
# still written, so that it can be read. INFRA names the program, INFRA_STATE the state's folder, INFRA_COMMIT the
# commit, INFRA_WHOLE the address where the job keeps the whole report.
#
# A stack may ask for variables of the environment, and a stranger's stack for any of them: infra gets PATH, HOME, the
# INFRA_VAR_… and those that INFRA_KEEP names, and nothing else of the job's.
set -euo pipefail

stack=${1:?STACK}
folder=${2:?FOLDER}
infra=${INFRA:-infra}

mkdir -p "$folder"
arguments=(plan "$stack" --detailed-exitcode)
arguments+=(--report "$folder/plan.md" --report "$folder/plan.html" --out "$folder/plan.json")
if [ -n "${INFRA_STATE:-}" ]; then arguments+=(--state "$INFRA_STATE"); fi
if [ -n "${INFRA_WHOLE:-}" ]; then arguments+=(--whole "$INFRA_WHOLE"); fi

kept=("PATH=$PATH" "HOME=${HOME:-/}")
if [ -n "${INFRA_COMMIT:-}" ]; then kept+=("GIT_COMMIT=$INFRA_COMMIT"); fi
for name in ${!INFRA_VAR_@} ${INFRA_KEEP:-}; do kept+=("$name=${!name-}"); done

code=0
env -i "${kept[@]}" "$infra" "${arguments[@]}" || code=$?
case $code in
  0) echo "Nothing to do." ;;
  2) echo "There are changes: see plan.md." ;;
  *)
    echo "infra plan failed with exit code $code." >&2
    exit "$code"
    ;;
esac
