"""A real Kubernetes of two nodes on this machine, for the tests that measure in a cluster."""
