#!/bin/bash
# lab.sh — a real, single-node Kubernetes (etcd + apiserver + controller-manager + scheduler + kubelet +
# kube-proxy + containerd/runc) and real vCluster images, made only from Debian packages and Go modules (Go >= 1.26.4 comes from its module proxy where it is missing).
# No container registry, no GitHub download, no systemd, no CAP_SYS_RESOURCE, cgroup v1 or v2.
#
#   lab.sh install      the Debian packages
#   lab.sh build        apt + go build + image tars into $LAB_CACHE   (cold: minutes; warm: <1 s)
#   lab.sh up           start everything, wait for the node, import images, print export KUBECONFIG=...
#   lab.sh up-metrics   once up: a metrics server, which has seen the pods twice a quarter of a minute later
#   lab.sh chart | values   path of the vCluster chart dir | of the values file that makes it use the local images
#                           (a real file: vclusterctl reads it and helm reads it again, so <(…) silently loses it)
#   lab.sh up-api       only etcd, API server and (unless LAB_CONTROLLERS=none) the controllers of namespaces and garbage: a
#                       host for tests and faults that need no pod. With LAB_RUN and LAB_PORT of its own it runs beside others
#   lab.sh kill-apiserver | start-apiserver | pause-apiserver | continue-apiserver    faults
#   lab.sh status | down | clean
#
# Cache between CI runs: only `lab.sh cache-dir`'s bin/ and chart/ (img-N/ is remade from them in ~6 s), and metrics-*/ beside it.
# Put gomod/{go.mod,go.sum,tools.go} beside this script to pin every module; without them they are resolved again.
# Root is required (containers), with overlayfs, bridge, veth and iptables in the kernel. Ports used on the host:
# LAB_PORT (6443 by default), its two next for etcd, its third for metrics, 10249 10250 10256 10257 10259. Pods 10.88.0.0/16, services 10.96.0.0/16, both reachable from the host.
#
# A virtual cluster, once up:   eval "$(lab.sh up)"
#   vclusterctl create v1 -n team1 --driver helm --add=false --connect=false --local-chart-dir "$(lab.sh chart)" --values "$(lab.sh values)"
#   (its kubeconfig is Secret team1/vc-v1, key config; its server there is https://localhost:8443 unless exportKubeConfig.server
#   is set; from the host the ClusterIP of service team1/v1, port 443, works with full TLS verification)
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
K8S=1.36.0                       # what vCluster v0.36.1's go.mod and chart (ghcr.io/loft-sh/kubernetes:v1.36.0) use
VC=0.36.1; HELM=3.21.4; KINE=0.16.4
METRICS=0.9.0                    # its own modules and cache: it comes and goes without the programs above being built again
NEXT_K8S=1.36.1; NEXT_VC=0.36.2  # other names of the same programs, to upgrade to
LAB_CACHE=${LAB_CACHE:-$HOME/.cache/infra-lab/kubernetes}
LAB_RUN=${LAB_RUN:-/var/tmp/infra-lab-kubernetes}   # state of one running lab, removed by `clean`
KEY=$( (echo "$K8S $VC $HELM $KINE 3"; cat "$HERE"/gomod/go.sum 2>/dev/null || :) | sha256sum | cut -c1-12)   # the CI cache key
PORT=${LAB_PORT:-6443}; ETCD=$((PORT + 1)); PEER=$((PORT + 2))
M=$LAB_CACHE/metrics-$METRICS-$(sha256sum <"$HERE/metrics/go.sum" | cut -c1-12)
C=$LAB_CACHE/$KEY; B=$C/bin; I=$C/img-2; R=$LAB_RUN; P=$R/pki; L=$R/logs   # img-N: N is for how images are made of the programs
SOCK=$R/containerd.sock
say() { echo "[lab $(date +%T)] $*" >&2; }

# ---------------------------------------------------------------- build
deps() {
  local need=""
  for p in containerd:containerd runc:runc iptables:iptables etcd:etcd-server busybox:busybox-static \
           conntrack:conntrack openssl:openssl gcc:gcc curl:curl python3:python3 ip:iproute2 sysctl:procps; do
    command -v "${p%%:*}" >/dev/null || need+=" ${p##*:}"
  done
  [ -f "/usr/lib/$(uname -m)-linux-gnu/libc.a" ] || need+=" libc6-dev"
  [ -f /etc/ssl/certs/ca-certificates.crt ] || need+=" ca-certificates"
  [ -x /usr/lib/cni/bridge ] || need+=" containernetworking-plugins"
  [ "$(busybox --list 2>/dev/null | grep -cx httpd)" = 1 ] || need+=" busybox-static"
  [ -z "$need" ] && return
  say "apt:$need"; apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >/dev/null
}

# One Go module for everything: the same dependency versions, so the compile cache is shared.
# k8s.io/kubernetes and helm cannot be `go install`ed together otherwise (replace directives / version sets).
# vCluster's own go.sum is the start: two of its modules (loft-sh/api/v4, agentapi/v4 v4.11.0-rc.1) are not in the
# public checksum database, and the vCluster zip (which IS verified) carries their hashes.
gomod() { # $1 = dir
  mkdir -p "$1"; cd "$1"
  if [ -f "$HERE/gomod/go.sum" ]; then cp "$HERE"/gomod/{go.mod,go.sum,tools.go} .; return; fi   # committed pins: preferred
  local vdir kmod
  echo "module lab" > go.mod
  vdir=$(go mod download -json github.com/loft-sh/vcluster@v$VC | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
  kmod=$(go mod download -json k8s.io/kubernetes@v$K8S | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
  { printf 'module lab\n\ngo 1.26.3\n\nrequire (\n'
    printf '\tgithub.com/loft-sh/vcluster v%s\n\tk8s.io/kubernetes v%s\n\thelm.sh/helm/v3 v%s\n\tgithub.com/k3s-io/kine v%s\n)\n\nreplace (\n' $VC $K8S $HELM $KINE
    sed -n 's|^\t\(k8s.io/[a-z-]*\) => ./staging.*|\1|p' "$kmod" | while read -r m; do printf '\t%s => %s v0.%s\n' "$m" "$m" "${K8S#1.}"; done
    echo ")"; } > go.mod
  install -m 644 "$vdir/go.sum" go.sum
  { printf '//go:build tools\n\npackage tools\n\nimport (\n'
    for p in $PKGS; do printf '\t_ "%s"\n' "$p"; done; echo ")"; } > tools.go
  go mod tidy 2>&1 | grep -v downloading || :
}
PKGS="k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler
k8s.io/kubernetes/cmd/kubelet k8s.io/kubernetes/cmd/kubectl k8s.io/kubernetes/cmd/kube-proxy helm.sh/helm/v3/cmd/helm
github.com/loft-sh/vcluster/cmd/vcluster github.com/loft-sh/vcluster/cmd/vclusterctl github.com/k3s-io/kine"

build() { deps; programs; metrics; }
# GOGC: fewer collections in the compiler (needs ~4 GiB); -dwarf=false: no debug info; both only save build time
compile() { CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOGC=${GOGC:-400} go build -gcflags=all=-dwarf=false "$@"; }
metrics() {
  [ -x "$M/metrics-server" ] && { say "cache hit $M"; return; }
  local src; src=$(mktemp -d); cp "$HERE"/metrics/* "$src"
  say "go build (metrics-server $METRICS)"
  PATH=$("$HERE/go.sh"):$PATH; mkdir -p "$M"
  (cd "$src" && compile -ldflags "-s -w" -o "$M/new" sigs.k8s.io/metrics-server/cmd/metrics-server)
  mv "$M/new" "$M/metrics-server"; rm -rf "$src"
}
programs() {
  if [ -x "$B/vclusterctl" ] && [ -d "$C/chart" ]; then          # restored from a CI cache
    [ -f "$I/done" ] || { mkdir -p "$I"; images; touch "$I/done"; }; say "cache hit $C"; return; fi
  PATH=$("$HERE/go.sh"):$PATH
  mkdir -p "$B" "$I" "$C/src"
  export CGO_ENABLED=0
  gomod "$C/src/lab"
  local V=v$K8S X=k8s.io/component-base/version
  local LD="-s -w -X $X.gitVersion=$V -X $X.gitMajor=1 -X $X.gitMinor=36 -X $X.gitTreeState=clean -X $X.gitCommit=lab -X $X.buildDate=2026-01-01T00:00:00Z
    -X github.com/loft-sh/vcluster/pkg/telemetry.SyncerVersion=$VC -X main.version=$VC"
  say "go build (k8s $K8S, vcluster $VC, helm $HELM)"
  compile -ldflags "$(echo $LD)" -o "$B/" $PKGS
  # the chart, as vclusterctl --local-chart-dir / helm want it
  rm -rf "$C/chart"; cp -r "$(cd "$C/src/lab" && go list -m -f '{{.Dir}}' github.com/loft-sh/vcluster)/chart" "$C/chart"; chmod -R u+w "$C/chart"
  sed -i "s/^version: .*/version: $VC/" "$C/chart/Chart.yaml"
  rm -f "$I/done"; images; rm -rf "$C/src"; touch "$I/done"; say "built: $(du -sh "$C" | cut -f1) in $C"
}

# ---------------------------------------------------------------- images (no daemon: a docker-save style tar each)
mkimg() { python3 - "$@" <<'PY'
import sys, tarfile, hashlib, json, io, os
name, rootfs, out = sys.argv[1:4]; cfgc = json.loads(sys.argv[4]) if len(sys.argv) > 4 else {}
layer = out + ".layer"
with tarfile.open(layer, "w") as t: t.add(rootfs, arcname=".")
h = hashlib.sha256()
with open(layer, "rb") as f:
    for b in iter(lambda: f.read(1 << 20), b""): h.update(b)
cfg = json.dumps({"architecture":"amd64","os":"linux","config":cfgc,"rootfs":{"type":"layers","diff_ids":["sha256:"+h.hexdigest()]},"history":[{"created_by":"lab"}]}).encode()
cn = hashlib.sha256(cfg).hexdigest()+".json"
man = json.dumps([{"Config":cn,"RepoTags":[name],"Layers":["layer.tar"]}]).encode()
with tarfile.open(out, "w") as t:
    for n, d in ((cn,cfg),("manifest.json",man)):
        i = tarfile.TarInfo(n); i.size=len(d); t.addfile(i, io.BytesIO(d))
    t.add(layer, arcname="layer.tar")
os.unlink(layer)
PY
}
images() {
  local t; t=$(mktemp -d)
  bb() { mkdir -p "$1/bin" "$1/tmp" "$1/etc/ssl/certs"; cp "$(command -v busybox)" "$1/bin/busybox"
         for a in $(busybox --list); do [ "$a" = busybox ] || ln -sf busybox "$1/bin/$a"; done
         cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"; echo 'root:x:0:0::/:/bin/sh' > "$1/etc/passwd"; }
  mkdir "$t/pause"; printf '#include <unistd.h>\nint main(){for(;;)pause();}\n' | gcc -x c -static -O -o "$t/pause/pause" -
  mkimg lab.local/pause:1 "$t/pause" "$I/pause.tar" '{"Entrypoint":["/pause"]}'
  bb "$t/bb"; mkimg lab.local/busybox:1 "$t/bb" "$I/busybox.tar" '{"Cmd":["sh"],"Env":["PATH=/bin"]}'
  # the names the chart uses by default (with image.repository=loft-sh/vcluster-oss), so few values must be set
  bb "$t/vc"; mkdir "$t/vc/lab"
  for b in vcluster kube-apiserver kube-controller-manager kine; do ln "$B/$b" "$t/vc/lab/$b" 2>/dev/null || cp "$B/$b" "$t/vc/lab/$b"; done
  mv "$t/vc/lab/vcluster" "$t/vc/vcluster"
  mkimg ghcr.io/loft-sh/vcluster-oss:$VC "$t/vc" "$I/vcluster.tar" '{"Entrypoint":["/vcluster","start"],"Env":["PATH=/bin"],"WorkingDir":"/"}'
  # A control plane copies this image's programs to where it runs them, 300 MB at each start: here these are links, and the
  # programs are in the image that runs them, on the disk and in memory once for all
  bb "$t/k8s"; mkdir "$t/k8s/kubernetes"
  for b in kube-apiserver kube-controller-manager kine; do ln -s "/lab/$b" "$t/k8s/kubernetes/$b"; done
  mkimg ghcr.io/loft-sh/kubernetes:v$K8S "$t/k8s" "$I/kubernetes.tar" '{"Env":["PATH=/bin"]}'
  rm -rf "$t"
}

# ---------------------------------------------------------------- run
# Fewer turns of the garbage collector: a tenth of their processor time
bg() { local n=$1; shift; GOGC=400 setsid "$@" >"$L/$n.log" 2>&1 </dev/null & echo $! > "$R/$n.pid"; }
pki() {
  mkdir -p "$P"; cd "$P"; [ -f ca.crt ] && return
  openssl genrsa -out sa.key 2048 2>/dev/null
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 3650 -subj /CN=lab-ca 2>/dev/null
  cert() { openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$1.crt" \
      -extfile <(echo "subjectAltName=${3:-DNS:$1}"; echo "extendedKeyUsage=serverAuth,clientAuth") 2>/dev/null; }
  cert apiserver /CN=kube-apiserver "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:$IP"
  cert admin   "/O=system:masters/CN=lab-admin"
  cert kcm     "/CN=system:kube-controller-manager"
  cert sched   "/CN=system:kube-scheduler"
  cert proxy   "/CN=system:kube-proxy"
  cert kubelet "/O=system:nodes/CN=system:node:lab-node" "DNS:lab-node,IP:127.0.0.1,IP:$IP"
  for u in admin kcm sched proxy kubelet; do
    cat > "$R/$u.kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: "https://127.0.0.1:$PORT", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $u, user: {client-certificate-data: $(base64 -w0 $u.crt), client-key-data: $(base64 -w0 $u.key)}}]
contexts: [{name: lab, context: {cluster: lab, user: $u}}]
current-context: lab
Y
  done
}
start_etcd() { # Debian's 3.4 is enough for apiserver 1.36
  bg etcd etcd --data-dir "$R/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:$ETCD \
     --advertise-client-urls http://127.0.0.1:$ETCD --listen-peer-urls http://127.0.0.1:$PEER --initial-advertise-peer-urls http://127.0.0.1:$PEER --initial-cluster default=http://127.0.0.1:$PEER
}
start_apiserver() {
  bg apiserver "$B/kube-apiserver" --etcd-servers=http://127.0.0.1:$ETCD --secure-port=$PORT --advertise-address="$(cat "$R/ip")" \
     --service-cluster-ip-range=10.96.0.0/16 --tls-cert-file="$P/apiserver.crt" --tls-private-key-file="$P/apiserver.key" \
     --client-ca-file="$P/ca.crt" --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$P/sa.key" \
     --service-account-signing-key-file="$P/sa.key" --authorization-mode=Node,RBAC --allow-privileged=true \
     --kubelet-client-certificate="$P/admin.crt" --kubelet-client-key="$P/admin.key" --kubelet-certificate-authority="$P/ca.crt" \
     --kubelet-preferred-address-types=InternalIP \
     --proxy-client-cert-file="$P/apiserver.crt" --proxy-client-key-file="$P/apiserver.key" --requestheader-client-ca-file="$P/ca.crt" \
     --requestheader-allowed-names=kube-apiserver --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
}
wait_apiserver() {
  for _ in $(seq 960); do
    curl -sf --cacert "$P/ca.crt" https://127.0.0.1:$PORT/readyz >/dev/null && return
    alive "$(cat "$R/apiserver.pid")" || { say "apiserver died:"; tail -5 "$L/apiserver.log" >&2; exit 1; }
    sleep .25
  done
  say "apiserver is not ready"; exit 1
}
prepare() { # folders, keys, this machine's address
  for f in "$R"/*.pid; do [ -e "$f" ] && alive "$(cat "$f")" && { say "already running: $f (lab.sh down first)"; exit 1; }; done
  IP=$(ip -4 route get 1.1.1.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p'); [ -n "$IP" ] || IP=$(hostname -I | cut -d' ' -f1)
  mkdir -p "$R" "$L" "$R/cni"; chmod 700 "$R"; echo "$IP" > "$R/ip"; pki; cd "$R"
}
up_api() {
  [ -f "$I/done" ] || build
  prepare; rm -f "$R/whole"; start_etcd; start_apiserver; wait_apiserver
  [ "${LAB_CONTROLLERS:-}" = none ] || bg kcm "$B/kube-controller-manager" --kubeconfig=kcm.kubeconfig --secure-port=0 --leader-elect=false --use-service-account-credentials=true \
     --controllers=namespace-controller,garbage-collector-controller --root-ca-file="$P/ca.crt" --service-account-private-key-file="$P/sa.key"
  say "API server only, ready"; echo "export KUBECONFIG=$R/admin.kubeconfig PATH=$B:\$PATH"
}
up() {
  export PATH="$B:$PATH"
  [ -f "$I/done" ] || build
  deps
  prepare; touch "$R/whole"
  [ "$(sysctl -n net.ipv4.ip_forward)" = 1 ] || sysctl -qw net.ipv4.ip_forward=1
  # Every control plane watches files: ten virtual clusters take all 128 of root's, and a dnsmasq elsewhere cannot start then
  [ "$(sysctl -n fs.inotify.max_user_instances)" -ge 1024 ] || sysctl -qw fs.inotify.max_user_instances=1024
  iptables -P FORWARD ACCEPT
  # service addresses are translated on this machine; the route keeps what is not (a deleted service) from leaving it
  ip link add labbr0 type bridge 2>/dev/null || :; ip link set labbr0 up; ip route replace 10.96.0.0/16 dev labbr0
  start_etcd; start_apiserver
  # --- containerd meanwhile
  cat > "$R/containerd.toml" <<T
version = 2
root = "$R/containerd/root"
state = "$R/containerd/state"
[grpc]
  address = "$SOCK"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "lab.local/pause:1"
  # without CAP_SYS_RESOURCE a negative oom_score_adj is refused and runc dies with
  # "can't get final child's PID from pipe: EOF"; this makes containerd keep the value within what we may set
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$R/cni"
T
  cat > "$R/cni/10-lab.conflist" <<T
{"cniVersion":"0.4.0","name":"lab","plugins":[
 {"type":"bridge","bridge":"labbr0","isGateway":true,"ipMasq":true,"hairpinMode":true,
  "ipam":{"type":"host-local","dataDir":"$R/cni-ipam","ranges":[[{"subnet":"10.88.0.0/16"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
T
  bg containerd containerd -c "$R/containerd.toml"
  for _ in $(seq 600); do ctr -a "$SOCK" version >/dev/null 2>&1 && break; sleep .1; done
  { for i in pause busybox vcluster kubernetes; do ctr -a "$SOCK" -n k8s.io images import "$I/$i.tar" >/dev/null; done
    # the same programs under the next versions: something to upgrade to
    ctr -a "$SOCK" -n k8s.io images tag --force ghcr.io/loft-sh/vcluster-oss:$VC ghcr.io/loft-sh/vcluster-oss:$NEXT_VC >/dev/null
    ctr -a "$SOCK" -n k8s.io images tag --force ghcr.io/loft-sh/kubernetes:v$K8S ghcr.io/loft-sh/kubernetes:v$NEXT_K8S >/dev/null; } &
  local imp=$!
  wait_apiserver
  say "apiserver ready"
  bg kcm "$B/kube-controller-manager" --kubeconfig=kcm.kubeconfig --authentication-kubeconfig=kcm.kubeconfig --authorization-kubeconfig=kcm.kubeconfig \
     --root-ca-file="$P/ca.crt" --service-account-private-key-file="$P/sa.key" --cluster-signing-cert-file="$P/ca.crt" --cluster-signing-key-file="$P/ca.key" \
     --use-service-account-credentials=true --leader-elect=false --enable-hostpath-provisioner=true
  bg sched "$B/kube-scheduler" --kubeconfig=sched.kubeconfig --authentication-kubeconfig=sched.kubeconfig --authorization-kubeconfig=sched.kubeconfig --leader-elect=false
  bg proxy "$B/kube-proxy" --kubeconfig=proxy.kubeconfig --hostname-override=lab-node --proxy-mode=iptables --cluster-cidr=10.88.0.0/16 --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
  cat > "$R/kubelet.yaml" <<T
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, x509: {clientCAFile: $P/ca.crt}, webhook: {enabled: true}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
failCgroupV1: false        # 1.35+ refuses cgroup v1 otherwise
failSwapOn: false
containerRuntimeEndpoint: unix://$SOCK
tlsCertFile: $P/kubelet.crt
tlsPrivateKeyFile: $P/kubelet.key
imageGCHighThresholdPercent: 100   # never collect the imported images
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
T
  bg kubelet "$B/kubelet" --config="$R/kubelet.yaml" --kubeconfig="$R/kubelet.kubeconfig" --hostname-override=lab-node --node-ip="$IP" --root-dir="$R/kubelet" --cert-dir="$R/kubelet-pki" --v=2
  wait $imp || { say "image import failed"; exit 1; }
  for _ in $(seq 960); do kubectl --kubeconfig admin.kubeconfig get node lab-node --no-headers 2>/dev/null | grep -q ' Ready' && break; sleep .25; done
  for f in "$R"/*.pid; do alive "$(cat "$f")" || { n=$(basename "$f" .pid); say "$n died:"; tail -5 "$L/$n.log" >&2; exit 1; }; done
  # default StorageClass: controller-manager's built-in test provisioner (directories under /tmp/hostpath_pv)
  kubectl --kubeconfig admin.kubeconfig apply -f - >/dev/null <<'T'
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: lab, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/host-path
T
  say "node ready"; echo "export KUBECONFIG=$R/admin.kubeconfig PATH=$B:\$PATH"
}
# As its own manifests have it, but for the pod: it runs on this machine, where the API server finds it by a name
up_metrics() {
  [ -x "$M/metrics-server" ] || build
  cd "$R"
  bg metrics "$M/metrics-server" --kubeconfig=admin.kubeconfig --authentication-kubeconfig=admin.kubeconfig --authorization-kubeconfig=admin.kubeconfig \
     --bind-address=127.0.0.1 --secure-port=$((PORT + 3)) --cert-dir="$R/metrics-pki" --kubelet-certificate-authority="$P/ca.crt" \
     --kubelet-preferred-address-types=InternalIP --metric-resolution=10s --kubelet-request-timeout=9s
  "$B/kubectl" --kubeconfig admin.kubeconfig apply -f - >/dev/null <<T
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec: {type: ExternalName, externalName: localhost}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  service: {name: metrics-server, namespace: kube-system, port: $((PORT + 3))}
  group: metrics.k8s.io
  version: v1beta1
  insecureSkipTLSVerify: true
  groupPriorityMinimum: 100
  versionPriority: 100
T
}
values() { cat <<'T'
controlPlane:
  statefulSet:
    image: {repository: loft-sh/vcluster-oss}   # the chart's default vcluster-pro is not open source
telemetry: {enabled: false}
T
}
stop() { # end only processes this lab started, by pid; apiserver's graceful stop takes >60 s, so KILL after 2 s
  local n p i
  for n in "$@"; do [ -f "$R/$n.pid" ] && kill "$(cat "$R/$n.pid")" 2>/dev/null || :; done
  for n in "$@"; do [ -f "$R/$n.pid" ] || continue; p=$(cat "$R/$n.pid")
    for i in $(seq 20); do alive "$p" || break; sleep .1; done
    alive "$p" && kill -9 "$p" 2>/dev/null || :; rm -f "$R/$n.pid"; done
}
# a killed process is a zombie before the last of its threads has let go of its port
alive() { [ -d "/proc/$1" ] && { ! grep -q '^State:.*Z' "/proc/$1/status" || [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l)" -gt 1 ]; } 2>/dev/null; }
down() {
  stop metrics kubelet proxy sched kcm apiserver     # first, so that nothing is restarted
  if [ -S "$SOCK" ]; then
    local ct="ctr -a $SOCK -n k8s.io" t
    for t in $($ct tasks ls -q 2>/dev/null); do $ct tasks kill -a -s KILL "$t" 2>/dev/null || :; done; sleep .5
    for t in $($ct containers ls -q 2>/dev/null); do $ct tasks rm -f "$t" >/dev/null 2>&1 || :; $ct containers rm "$t" 2>/dev/null || :; done
  fi
  stop etcd containerd
  # What follows is of the one whole lab: an API server alone, or one that never was, leaves it alone
  [ -e "$R/whole" ] || return 0
  awk -v r="$R/" 'index($2,r)==1{print $2}' /proc/mounts | sort -r | while read -r m; do umount -l "$m" || :; done
  for n in /var/run/netns/cni-*; do [ -e "$n" ] && ip netns del "${n##*/}" 2>/dev/null || :; done
  ip link del labbr0 2>/dev/null || :
  [ -x "$B/kube-proxy" ] && "$B/kube-proxy" --cleanup --proxy-mode=iptables >/dev/null 2>&1 || :
  # the kubelet takes away none of its own
  for n in INPUT OUTPUT; do iptables -D $n -j KUBE-FIREWALL 2>/dev/null || :; done
  for n in filter:KUBE-FIREWALL {filter,nat,mangle}:KUBE-KUBELET-CANARY mangle:KUBE-IPTABLES-HINT; do
    for m in F X; do iptables -t "${n%%:*}" -$m "${n#*:}" 2>/dev/null || :; done
  done
  # nor the plugins of the pods' network theirs of pods that ended with the daemons
  { echo '*nat'
    iptables-save -t nat | awk '/^-A POSTROUTING .*name: \\"lab\\"/ { chain = $NF; sub(/^-A/, "-D"); print; print "-F " chain; print "-X " chain }'
    echo COMMIT; } | iptables-restore --wait --noflush
  rm -f "$SOCK"
}
case "${1:-}" in
  install) deps;; build) build;; up) up;; down) down;; up-api) up_api;; up-metrics) up_metrics;;
  clean) down; [ ! -e "$R/whole" ] || rm -rf /tmp/hostpath_pv; rm -rf "$R";;
  kill-apiserver) p=$(cat "$R/apiserver.pid"); kill -9 "$p"; while alive "$p"; do sleep .05; done;;
  start-apiserver) for _ in 1 2 3; do alive "$(cat "$R/apiserver.pid")" || start_apiserver; (wait_apiserver) && exit; sleep 1; done; exit 1;;
  pause-apiserver) kill -STOP "$(cat "$R/apiserver.pid")";;
  continue-apiserver) kill -CONT "$(cat "$R/apiserver.pid")";;
  values) values > "$C/values.yaml"; echo "$C/values.yaml";; cache-key) echo "$KEY";; cache-dir) echo "$C";; chart) echo "$C/chart";;
  status) for f in "$R"/*.pid; do [ -e "$f" ] || { echo "not running"; exit 1; }; n=$(basename "$f" .pid); alive "$(cat "$f")" && echo "$n up" || echo "$n DOWN ($L/$n.log)"; done;;
  *) sed -n '2,/^set -e/{/^set -e/!p}' "$0"; exit 2;;
esac
