"""Kubernetes: control planes, the way to them, and what they are made of."""
