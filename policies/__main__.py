"""Loaded by the engine: `pulumi preview --policy-pack policies`."""

from pulumi_policy import EnforcementLevel, PolicyPack

from policies.pack import policies

PolicyPack("sanmen", policies(), EnforcementLevel.MANDATORY)
