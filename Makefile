# Two commands do everything: `make run` and `make test`. Both first install what is missing.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# A lab needs namespaces. Most kernels allow an ordinary user to make them.
OWN    := $(shell unshare --user --map-root-user --mount --net true 2>/dev/null && echo yes)
LAB    := $(if $(OWN),,$(SUDO))

# What the lab, the report and the tests need of the system.
APT := iperf3 iperf sockperf curl nginx-light openvswitch-switch iproute2 ethtool nftables iptables wireguard-tools openssh-server \
       tcpdump iputils-ping procps socat util-linux python3-venv poppler-utils \
       fonts-noto-cjk fonts-dejavu-core libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0

# What guests also need, and a compiler for the counter of their instructions.
GUESTS := qemu-system-x86 cpio kmod gcc libc6-dev

# What a Kubernetes of two nodes needs, and its build; see tests/cluster. Another version of Go does
# not build it. Docker's own packages also contain containerd, and Debian's would displace them.
CLUSTER := etcd-server containernetworking-plugins iptables openssl dpkg-dev \
           $(shell command -v containerd >/dev/null || echo containerd runc) \
           $(shell grep -qsx VERSION_CODENAME=bookworm /etc/os-release && echo golang-1.19-go)

# JupyterLab fetches no news and checks for no updates.
QUIET := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}

# An autosave writes a notebook as it is committed, so that one who only looks changes no file.
LAB_OPTIONS := --LabApp.extension_manager=readonly \
               --FileContentsManager.pre_save_hook=cniperf.notebook_form.as_committed

.PHONY: run test test-cluster lab lint bench gate clean setup system lock catalogue environment reference counted pictures

# Where the kernel has no Open vSwitch, a guest counts its schemes.
run: APT += $(shell test -e /sys/module/openvswitch || modprobe --dry-run --quiet openvswitch || echo $(GUESTS))
run: setup ## measure all schemes in the lab and make the report
	@$(LAB) $(BIN)/cniperf suite --budget 6m; code=$$?; \
	$(LAB) chown -R "$$(id -u):$$(id -g)" data reports; exit $$code

# Guests, and the browser that reads the notebooks in the tests; Ubuntu has no package of it.
test: APT += $(GUESTS) $(shell grep -qsx ID=debian /etc/os-release && echo chromium)
test: APT += tcsh fish sudo  # accounts of hosts, see tests/accounts.py
test: APT += containernetworking-plugins
# Tests that measure run alone, one after the other.
test: setup lint ## every test
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # some templates there are no code
	$(SUDO) $(BIN)/pytest -m "not alone and not cluster" --numprocesses logical --dist loadscope --no-loadscope-reorder
	$(SUDO) $(BIN)/pytest -m "alone and not cluster"

# Separate from the others, because they build Kubernetes first.
test-cluster: APT += $(CLUSTER)
test-cluster: setup ## the tests in a real Kubernetes of two nodes
	$(SUDO) env PYTHONPATH=tests $(BIN)/python -m cluster.binaries
	$(SUDO) $(BIN)/pytest -m cluster

lab: setup ## JupyterLab on the notebooks; notebooks that only read runs need no root
	@if [ "$$(id -u)" = 0 ]; then echo "JupyterLab and all commands in it run as root"; fi
	@$(BIN)/jupyter trust notebooks/*.ipynb $(wildcard reports/*/*.ipynb) >/dev/null
	$(BIN)/jupyter lab $(LAB_OPTIONS) $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/explore.ipynb

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/nbstripout --verify --extra-keys "metadata.papermill cell.metadata.papermill" notebooks/*.ipynb

bench: setup ## what cniperf itself costs, as ratios
	@$(SUDO) $(BIN)/cniperf bench --out docs/bench.md; code=$$?; \
	$(SUDO) chown -R "$$(id -u):$$(id -g)" docs; exit $$code

gate: APT += $(GUESTS)
gate: setup ## is the wiring more expensive now? instructions a byte against those in data/counted
	@rm -rf build/gate
	@$(LAB) $(BIN)/cniperf suite --bed counted --rounds 1 --data-dir build/gate --out-dir build/gate/report
	@$(BIN)/cniperf compare data/counted build/gate

clean: ## take down what killed runs left behind
	$(LAB) $(BIN)/cniperf clean

setup: system $(VENV)/.installed

# apt installs only missing packages; make prints their names. Some packages start a service, which
# is wanted only inside the lab.
system:
	@missing=""; \
	for package in $(APT); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo "this is no Debian or Ubuntu: install the contents of these packages by hand:$$missing" >&2; exit 1; \
	fi; \
	echo "installing system packages:$$missing"; \
	$(SUDO) apt-get update -qq && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null || exit; \
	if [ ! -d /run/systemd/system ]; then exit 0; fi; \
	for service in nginx etcd containerd; do \
	  case "$$missing" in *$$service*) $(SUDO) systemctl disable --quiet --now $$service;; esac; \
	done

# The lock file lists every Python package with its hash, so a new machine gets the tested versions.
# Python compiles what it imports. Compiling all of it here takes most of a minute.
$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "installing Python packages into $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cniperf needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@mkdir -p $(VENV)/etc/jupyter/labconfig
	@echo '$(QUIET)' > $(VENV)/etc/jupyter/labconfig/default_setting_overrides.json
	@touch $@

lock: ## write requirements.lock again
	$(BIN)/uv pip compile --universal --generate-hashes --all-extras --no-header --upgrade --quiet \
	  pyproject.toml --output-file requirements.lock

CATALOGUE := cniperf/locale/zh/LC_MESSAGES/cniperf.po
catalogue: setup ## bring the Chinese words up to date with the code; translate the new ones
	@mkdir -p build
	$(BIN)/pybabel --quiet extract --keywords=_ --keywords=N_ --keywords=plural:1,2 --no-location \
	  --omit-header --output=build/cniperf.pot cniperf
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --ignore-obsolete --width=80 --locale=zh \
	  --input-file=build/cniperf.pot --output-file=$(CATALOGUE)
	@sed -i -E '/^"(Project|Report|POT|PO-|Last|Language-Team|Generated)/d' $(CATALOGUE)  # no dates

ENVIRONMENT ?= environment.yml
environment: ## write environment.yml again, from pyproject.toml
	$(BIN)/pyproject2conda yaml --extra dev --name cniperf --channel conda-forge --no-header \
	  --python-include "python>=3.11" --pip-dep=-e. --output $(ENVIRONMENT) --overwrite force

reference: setup ## measure data/reference again: takes half an hour
	$(SUDO) sh data/measure.sh reference; code=$$?; $(SUDO) chown -R "$$(id -u):$$(id -g)" data reports; exit $$code

counted: APT += $(GUESTS)
counted: setup ## measure the baseline data/counted again, three seeds
	$(SUDO) sh data/measure.sh counted; code=$$?; $(SUDO) chown -R "$$(id -u):$$(id -g)" data reports; exit $$code

pictures: setup ## the pictures that README and docs show, from data/reference
	sh data/measure.sh pictures
