"""The pods' network: Debian's `ptp` plugin makes the veth pair, `addresses.py` says which address a pod has."""
