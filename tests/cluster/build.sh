#!/bin/sh
# Build Kubernetes' own programs from Debian's source package, which carries all that it needs.
# usage: build.sh FOLDER GO VERSION PROGRAM…    FOLDER is empty; the programs end up in it
set -eu
cd "$1"; out=$PWD go=$2 version=$3; shift 3

# The sources of the suites that this machine has, in a configuration that is apt's for this alone.
mkdir -p work/sources.list.d work/lists/partial
apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' \
  'Created-By: Packages' 'Origin: Debian' >work/sources.list.d/sources.list
cd work
apart="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$PWD/sources.list.d
  -o Dir::State::lists=$PWD/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root"
apt-get $apart update -qq
apt-get $apart source -qq --download-only "kubernetes=$version"
dpkg-source --no-check -x kubernetes_*.dsc tree  # apt has checked it

# Go without modules: the tree must lie where its import path says. The tree's own make does so,
# too, but it also builds tools, and generates files, of which this needs one.
export GO111MODULE=off CGO_ENABLED=0 GOFLAGS= GOGC=400 HOME="$PWD" GOPATH="$PWD/go" GOCACHE="$PWD/built" GOTMPDIR="$PWD"
mkdir -p go/src/k8s.io && mv tree go/src/k8s.io/kubernetes && cd go/src/k8s.io/kubernetes
own=k8s.io/kubernetes

described=$(grep -RlE --include='*.go' '^// *\+k8s:openapi-gen=' pkg vendor/k8s.io |
  grep -vE '^vendor/k8s.io/(code-generator|sample-)' | xargs -n1 dirname | sort -u | sed "s,^,$own/,")
"$go" run ./vendor/k8s.io/kube-openapi/cmd/openapi-gen --logtostderr --report-filename "$GOPATH/report" \
  --input-dirs "$(echo "$described" | paste -sd,)" --go-header-file /dev/null \
  --output-package $own/pkg/generated/openapi --output-file-base zz_generated.openapi

# No cloud and no Docker is needed: half of the code is theirs.
release=$(echo "$version" | sed 's/.*really//; s/-.*//')
minor=${release#*.}
stamp() { echo "-X $own/vendor/k8s.io/component-base/version.git$1=$2"; }
"$go" build -tags providerless,dockerless -o "$out/" -ldflags "-s -w $(stamp Version "v$release")
  $(stamp Major "${release%%.*}") $(stamp Minor "${minor%%.*}")" $(printf './cmd/%s ' "$@")
