"""What Tencent runs inside a cluster, each a program of its own that talks to the cluster and to the cloud's API."""
