#!/bin/sh
# Measures anew what data/ carries: `sh data/measure.sh reference`, `counted` or `pictures`, from the
# project's folder, as root. `make reference`, `make counted` and `make pictures` call it.
set -eu
cniperf=.venv/bin/cniperf
kernel="macvlan calico flannel-hostgw flannel-vxlan canal"  # what every kernel carries by itself

# All eight with the article's NICs, those of the kernel with other NICs and MTUs, and one
# transaction at a time.
reference() {
  keep="--target 0 --budget 0 --data-dir data/reference --out-dir reports/reference"
  rm -rf data/reference reports/reference*
  $cniperf suite --rounds 20 $keep
  $cniperf suite $kernel --nic offload --rounds 6 $keep-offload
  $cniperf suite $kernel --nic plain --rounds 6 $keep-plain
  $cniperf suite $kernel --mode rr --rounds 6 $keep-rr
  $cniperf sweep --schemes macvlan,calico,flannel-vxlan --vary mtu=1450,1500,4000,9000 --rounds 5 $keep-mtu
  pack data/reference
  pictures
}

# Three seeds: for a new kernel, QEMU, iperf3 or Open vSwitch.
counted() {
  rm -rf data/counted reports/counted
  $cniperf suite --bed counted --rounds 3 --data-dir data/counted --out-dir reports/counted
  pack data/counted
}

# What README and docs show.
pictures() {
  suite=$(.venv/bin/python -c 'import cniperf; print(cniperf.load_runs("data/reference")["suite"].min())')
  $cniperf report data/reference --suite "$suite" --out-dir reports/reference
  n=1
  for name in loss throughput cpu ladder trade-off; do
    cp "reports/reference/chart-$n.png" "data/reference/$name.png"
    n=$((n + 1))
  done
  .venv/bin/python - <<'PYTHON'
from PIL import Image

parts = [Image.open(f"reports/reference/chart-{n}.png") for n in (6, 7)]
whole = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)))
whole.paste(parts[0], (0, 0))
whole.paste(parts[1], (0, parts[0].height))
whole.save("data/reference/paths.png")
PYTHON
  pdftoppm -png -r 75 -f 1 -l 1 -singlefile reports/reference/report.pdf data/reference/report
  .venv/bin/python - data/reference/*.png <<'PYTHON'
import sys
from PIL import Image

for file in sys.argv[1:]:
    Image.open(file).convert("RGB").quantize(256).save(file, optimize=True)
PYTHON
}

# The runs become one file, and the folders go.
pack() {
  .venv/bin/python -m cniperf.archive "$1"
  rm -rf "$1"/[0-9]* "$1/suites"
}

"$@"
