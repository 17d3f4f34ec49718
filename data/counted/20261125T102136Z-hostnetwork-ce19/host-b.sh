# host b: wire (eth0 has 192.168.20.43/24)
: # nothing to do: the host's own stack is the path
