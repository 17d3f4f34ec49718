"""The image of the load: what pods run, as a Containerfile."""

CONTAINERFILE = """\
# The load of cniperf: build it, push it where your nodes pull from, and name it with --image.
#   podman build -t REGISTRY/cniperf-load:1 -f Containerfile .
#   cniperf suite --bed k8s --image REGISTRY/cniperf-load:1
FROM debian:12-slim
RUN apt-get update \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
      iperf3 iperf sockperf curl nginx-light iproute2 procps python3-minimal \\
 && rm -rf /var/lib/apt/lists/*
# Pods run as this user, with a read-only root file system and no capability.
USER 65534:65534
WORKDIR /work
"""
