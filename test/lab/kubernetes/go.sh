#!/bin/bash
# go.sh — prints the folder of a Go that can build the lab: this machine's own where it is new enough, else the toolchain from
# the Go module proxy, checked against its sum in Go's checksum database and kept in the lab's cache. Needs curl and python3.
set -euo pipefail
GO=1.26.4
SUM='h1:wAoHYF9gHXZdyCyZT4yuWhbjdIC/Iv5dpQsE+H3FgGU='     # https://sum.golang.org/lookup/golang.org/toolchain@v0.0.1-go1.26.4.linux-amd64
LAB_CACHE=${LAB_CACHE:-$HOME/.cache/infra-lab/kubernetes}
DIR=$LAB_CACHE/go-$GO

own=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//') || own=
if [ -n "$own" ] && [ "$(printf '%s\n' "$GO" "$own" | sort -V | head -1)" = "$GO" ]; then dirname "$(command -v go)"; exit; fi
if [ ! -x "$DIR/bin/go" ]; then
  name=golang.org/toolchain@v0.0.1-go$GO.linux-amd64
  [ "$(uname -sm)" = 'Linux x86_64' ] || { echo "no Go >= $GO here: install it" >&2; exit 1; }
  echo "[lab $(date +%T)] Go $GO from the module proxy" >&2
  mkdir -p "$LAB_CACHE"; tmp=$(mktemp -d "$LAB_CACHE/go.XXXXXX"); trap 'rm -rf "$tmp"' EXIT
  curl -fsSL --retry 3 -o "$tmp/go.zip" "https://proxy.golang.org/${name%@*}/@v/${name#*@}.zip"
  python3 - "$tmp/go.zip" "$SUM" <<'PY'
import base64, hashlib, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
lines = "".join(f"{hashlib.sha256(archive.read(n)).hexdigest()}  {n}\n" for n in sorted(archive.namelist()))
found = "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()
if found != sys.argv[2]: sys.exit(f"the toolchain is not what Go's checksum database says: {found}")
archive.extractall(sys.argv[1] + ".d")
PY
  chmod -R +x "$tmp/go.zip.d/$name/bin" "$tmp/go.zip.d/$name/pkg/tool"
  rm -rf "$DIR"; mv "$tmp/go.zip.d/$name" "$DIR"
fi
echo "$DIR/bin"
