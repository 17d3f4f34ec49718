#!/bin/sh
# The first process of a guest. /boot.conf, which comes with each start, defines its work:
#   kind     hello (report and stop), host (an SSH server), counted (measure, report, stop)
# of a host:
#   address, mtu, mac  of eth0        control  MAC address of mgmt0      ovs  start Open vSwitch
# of one that counts:
#   python   the interpreter          path     where its packages are
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
mkdir -p /dev/pts /run/netns /run/sshd /run/lock /var/log/nginx
mount -t devpts devpts /dev/pts

stop() {
  echo "cniperf: $1"
  echo b >/proc/sysrq-trigger  # with qemu -no-reboot this is the end
}

. /boot.conf
while read -r module; do modprobe "$module" || stop "no module $module"; done </etc/modules

device() { # name of the device that has this MAC address
  for d in /sys/class/net/*; do
    [ "$(cat "$d/address")" = "$1" ] && echo "${d##*/}"
  done
}

be_host() {
  ip link set lo up
  for pair in "$mac eth0" "$control mgmt0"; do
    ip link set "$(device "${pair% *}")" name "n${pair#* }"
  done
  ip link set neth0 name eth0
  ip link set nmgmt0 name mgmt0
  ip addr add "$address" dev eth0
  ip link set eth0 mtu "$mtu" up
  # Where QEMU's user network has its guest; nothing but the SSH connection goes there.
  ip addr add 10.0.2.15/24 dev mgmt0
  ip link set mgmt0 up
  ip route add default via 10.0.2.2 dev mgmt0
  if [ "$ovs" ]; then start_ovs; fi
  /usr/sbin/sshd -f /etc/ssh/cniperf.conf
  until grep -q ":0016 00000000:0000 0A" /proc/net/tcp; do sleep 0.1; done  # it forks first
  echo "cniperf: ready"
}

be_lab() {
  load_ovs
  stty -F /dev/ttyS1 raw -echo
  echo "cniperf: counting"
  PYTHONPATH=$path PYTHONHASHSEED=0 "$python" -s -m cniperf.measure.inside /job.json /dev/ttyS1
  stop "done"
}

load_ovs() {
  modprobe openvswitch || stop "no module openvswitch"
  # Open vSwitch 3.1 counts its CPUs only from the tenth second after the boot on, and handles no
  # packet before. Where virtual time runs by itself while nothing does, this takes no time.
  read -r up _ </proc/uptime
  up=${up%%.*}
  if [ "$up" -lt 11 ]; then sleep $((11 - up)); fi
}

start_ovs() {
  load_ovs
  mkdir -p /run/openvswitch /var/log/openvswitch /etc/openvswitch
  ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
  ovsdb-server /etc/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock --pidfile --detach
  ovs-vsctl --no-wait init
  ovs-vswitchd --pidfile --detach 2>/dev/null
}

case $kind in
  hello) stop hello ;;
  host) be_host ;;
  counted) be_lab ;;
esac
while :; do sleep 3600; done
