# host b: wire (eth0 has 192.168.20.43/24)
ip netns add cniperf-f069-pod-b
ip link add canal-c mtu 1450 type veth peer name canal-h mtu 1450
ip link set canal-c netns cniperf-f069-pod-b
ip -n cniperf-f069-pod-b link set lo up
ip -n cniperf-f069-pod-b link set canal-c up
ip -n cniperf-f069-pod-b addr add 10.5.47.103/24 dev canal-c
ip -n cniperf-f069-pod-b route add 169.254.1.1 dev canal-c
ip -n cniperf-f069-pod-b route add default via 169.254.1.1
ip link set canal-h up
ip route add 10.5.47.103 dev canal-h
sysctl -q -w net.ipv4.conf.canal-h.proxy_arp=1
sysctl -q -w net.ipv4.neigh.canal-h.proxy_delay=0
ip link add flannel.1 address 8e:09:f3:4f:94:34 mtu 1450 type vxlan id 1 local 192.168.20.43 dev eth0 dstport 8472 nolearning noudpcsum
ip addr add 10.5.47.0/32 dev flannel.1
ip link set flannel.1 up
ip neigh add 10.5.58.0 lladdr 2a:33:36:9b:2f:28 dev flannel.1
bridge fdb add 2a:33:36:9b:2f:28 dst 192.168.20.42 dev flannel.1
ip route add 10.5.58.0/24 via 10.5.58.0 dev flannel.1 onlink
