# host b: wire (eth0 has 192.168.20.43/24)
ip netns add cniperf-ce3c-pod-b
ip link add macvlan0 link eth0 type macvlan mode bridge
ip link set macvlan0 netns cniperf-ce3c-pod-b
ip -n cniperf-ce3c-pod-b link set macvlan0 up
ip -n cniperf-ce3c-pod-b link set lo up
ip -n cniperf-ce3c-pod-b addr add 192.168.2.5/24 dev macvlan0
ip link set eth0 promisc on
