#!/bin/sh
# The first process of a node, in namespaces of its own: all that is started and mounted here ends
# with it.
# usage: node.sh FOLDER NAME ARCHIVE    FOLDER has containerd.toml, ARCHIVE the images
set -eu
folder=$1 name=$2 archive=$3

# What containerd, kubelet and the CNI plugins write has fixed places: here they are the node's own.
for place in /run /var/lib /var/log; do
  mount -t tmpfs -o mode=755 node "$place"
done
mount --make-rshared /

# kubelet sets what is the whole machine's. It finds there what it wants, and can set nothing else.
echo "$name" >/proc/sys/kernel/hostname
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys
mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net
mkdir /run/sysctl
while read -r file value; do
  echo "$value" >"/run/sysctl/${file##*/}"
  mount --bind "/run/sysctl/${file##*/}" "/proc/sys/$file"
done <<END
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END

containerd --config "$folder/containerd.toml" >"$folder/containerd.log" 2>&1 &
until ctr version >/dev/null 2>&1; do
  kill -0 $! && sleep 0.1
done
ctr --namespace k8s.io images import "$archive" >"$folder/images.log" 2>&1
touch "$folder/ready"
wait
