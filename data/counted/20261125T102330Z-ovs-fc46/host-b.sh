# host b: wire (eth0 has 192.168.20.43/24)
ovs-vsctl add-br br-int -- set Bridge br-int fail_mode=secure
ovs-vsctl --may-exist add-port br-int eth0 -- set Interface eth0 ofport_request=2
ovs-ofctl add-flow br-int 'table=0, priority=99, actions=output:2'
ip netns add cniperf-8a61-pod-b
ip link add veth-c mtu 1500 type veth peer name veth-ovs mtu 1500
ip link set veth-c netns cniperf-8a61-pod-b
ip -n cniperf-8a61-pod-b link set lo up
ip -n cniperf-8a61-pod-b link set veth-c up
ip -n cniperf-8a61-pod-b addr add 172.28.200.4/24 dev veth-c
ip link set veth-ovs promisc on
ip link set veth-ovs up
ovs-vsctl --may-exist add-port br-int veth-ovs -- set Interface veth-ovs ofport_request=1
ovs-ofctl add-flow br-int 'table=0, priority=100, ip, nw_dst=172.28.200.4 actions=output:1'
ovs-ofctl add-flow br-int 'table=0, priority=100, arp, arp_tpa=172.28.200.4 actions=output:1'
