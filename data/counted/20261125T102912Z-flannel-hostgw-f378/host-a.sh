# host a: wire (eth0 has 192.168.20.42/24)
ip link add docker0 mtu 1500 type bridge
ip addr add 10.5.58.1/24 dev docker0
ip link set docker0 up
ip netns add cniperf-aa6a-pod-a
ip link add flannel-c mtu 1500 type veth peer name flannel-h mtu 1500
ip link set flannel-h master docker0
ip link set flannel-h up
ip link set flannel-c netns cniperf-aa6a-pod-a
ip -n cniperf-aa6a-pod-a link set lo up
ip -n cniperf-aa6a-pod-a link set flannel-c up
ip -n cniperf-aa6a-pod-a addr add 10.5.58.3/24 dev flannel-c
ip -n cniperf-aa6a-pod-a route add default via 10.5.58.1
ip route add 10.5.47.0/24 via 192.168.20.43
