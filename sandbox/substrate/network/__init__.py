"""The network: places, private networks, hosts, rules, and who stands where."""
