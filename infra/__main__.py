"""Entry point of the Pulumi program: see infra/program.py for the whole of it on one page."""

from infra.program import run

run()
