"""The servers behind resources: load balancers, caches, machines, metrics, registries."""
