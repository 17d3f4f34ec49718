# host a: wire (eth0 has 192.168.20.42/24)
ip link add docker0 mtu 1450 type bridge
ip addr add 10.5.58.1/24 dev docker0
ip link set docker0 up
ip netns add cniperf-6087-pod-a
ip link add flannel-c mtu 1450 type veth peer name flannel-h mtu 1450
ip link set flannel-h master docker0
ip link set flannel-h up
ip link set flannel-c netns cniperf-6087-pod-a
ip -n cniperf-6087-pod-a link set lo up
ip -n cniperf-6087-pod-a link set flannel-c up
ip -n cniperf-6087-pod-a addr add 10.5.58.3/24 dev flannel-c
ip -n cniperf-6087-pod-a route add default via 10.5.58.1
ip link add flannel.1 address 2a:33:36:9b:2f:28 mtu 1450 type vxlan id 1 local 192.168.20.42 dev eth0 dstport 8472 nolearning noudpcsum
ip addr add 10.5.58.0/32 dev flannel.1
ip link set flannel.1 up
ip neigh add 10.5.47.0 lladdr 8e:09:f3:4f:94:34 dev flannel.1
bridge fdb add 8e:09:f3:4f:94:34 dst 192.168.20.43 dev flannel.1
ip route add 10.5.47.0/24 via 10.5.47.0 dev flannel.1 onlink
