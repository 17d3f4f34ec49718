# host a: wire (eth0 has 192.168.20.42/24)
: # nothing to do: the host's own stack is the path
