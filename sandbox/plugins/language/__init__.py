"""The Python language host: what the engine calls to run a Pulumi program or a policy pack.

The official host is part of the `pulumi` download. An engine built from Go modules comes without it, and the PyPI
package has the protocol but not the host; this one behaves as the official one does.
Source: pulumi/pulumi v3.259.0, sdk/python/cmd/pulumi-language-python.
"""
