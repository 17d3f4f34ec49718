# host a: wire (eth0 has 192.168.20.42/24)
ip netns add cniperf-fef7-pod-a
ip link add macvlan0 link eth0 type macvlan mode bridge
ip link set macvlan0 netns cniperf-fef7-pod-a
ip -n cniperf-fef7-pod-a link set macvlan0 up
ip -n cniperf-fef7-pod-a link set lo up
ip -n cniperf-fef7-pod-a addr add 192.168.2.3/24 dev macvlan0
ip link set eth0 promisc on
