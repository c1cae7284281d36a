"""Processes: kept running by s6, in control groups of their own, whoever asked for them."""
