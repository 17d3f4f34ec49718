# host b: wire (eth0 has 192.168.20.43/24)
ip link add linux-br mtu 1500 type bridge
ip link set linux-br up
ovs-vsctl add-br br-int -- set Bridge br-int fail_mode=secure
ip link add ovs-br mtu 1500 type veth peer name br-ovs mtu 1500
ip link set br-ovs promisc on
ip link set ovs-br promisc on
ip link set br-ovs up
ip link set ovs-br up
ip link set ovs-br master linux-br
ovs-vsctl --may-exist add-port br-int br-ovs -- set Interface br-ovs ofport_request=1
ovs-vsctl --may-exist add-port br-int eth0 -- set Interface eth0 ofport_request=2
ovs-ofctl add-flow br-int 'table=0, priority=99, actions=output:2'
ip netns add cniperf-7e1b-pod-b
ip link add veth-c mtu 1500 type veth peer name veth-br mtu 1500
ip link set veth-br master linux-br
ip link set veth-br up
ip link set veth-c netns cniperf-7e1b-pod-b
ip -n cniperf-7e1b-pod-b link set lo up
ip -n cniperf-7e1b-pod-b link set veth-c up
ip -n cniperf-7e1b-pod-b addr add 172.28.100.4/24 dev veth-c
ovs-ofctl add-flow br-int 'table=0, priority=100, ip, nw_dst=172.28.100.4 actions=output:1'
ovs-ofctl add-flow br-int 'table=0, priority=100, arp, arp_tpa=172.28.100.4 actions=output:1'
