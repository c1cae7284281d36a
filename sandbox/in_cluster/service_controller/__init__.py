"""Binds Services of a cluster to load balancers that exist, pods as targets, as the Service controller of TKE does.

A program per cluster: `python -m sandbox.in_cluster.service_controller`. Source: docs/sources.md, TKE Services.
"""
