"""``k8s``: pods of a Kubernetes cluster that already runs, reached through its API.

``kubeconfig``      which cluster, and who asks: what kubectl would take
``api``             one request to the API server, with a deadline, and its retries
``resources``       where the API keeps each kind of object
``remote_command``  a command in a pod to its end, and a file out of a pod
``websocket``       what carries the command's output
``client``          the cluster as the bed sees it
``trouble``         what may go wrong, each in one line
"""
