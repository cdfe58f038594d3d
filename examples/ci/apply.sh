#!/usr/bin/env bash
# apply.sh STACK DIGEST — applies exactly the plan of this digest, and nothing when anything has moved since.
# INFRA names the program, INFRA_STATE the state's folder, INFRA_ALLOW hazards that may be: "deletes-data irreversible".
set -euo pipefail

stack=${1:?STACK}
digest=${2:?DIGEST}
infra=${INFRA:-infra}

if [[ ! $digest =~ ^[0-9a-f]{64}$ ]]; then
  echo "This is no digest of a plan: $digest" >&2
  exit 1
fi
arguments=(apply "$stack" --digest "$digest" --yes)
if [ -n "${INFRA_STATE:-}" ]; then arguments+=(--state "$INFRA_STATE"); fi
read -ra allowed <<<"${INFRA_ALLOW:-}"
for hazard in "${allowed[@]}"; do arguments+=(--allow "$hazard"); done

exec "$infra" "${arguments[@]}"
