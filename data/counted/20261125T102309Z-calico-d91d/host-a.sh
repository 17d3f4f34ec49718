# host a: wire (eth0 has 192.168.20.42/24)
ip netns add cniperf-ffbe-pod-a
ip link add calico-c mtu 1500 type veth peer name calico-h mtu 1500
ip link set calico-c netns cniperf-ffbe-pod-a
ip -n cniperf-ffbe-pod-a link set lo up
ip -n cniperf-ffbe-pod-a link set calico-c up
ip -n cniperf-ffbe-pod-a addr add 172.28.0.3/24 dev calico-c
ip -n cniperf-ffbe-pod-a route add 169.254.1.1 dev calico-c
ip -n cniperf-ffbe-pod-a route add default via 169.254.1.1
ip link set calico-h up
ip route add 172.28.0.3 dev calico-h
sysctl -q -w net.ipv4.conf.calico-h.proxy_arp=1
sysctl -q -w net.ipv4.neigh.calico-h.proxy_delay=0
ip route add 172.28.1.0/24 via 192.168.20.43
