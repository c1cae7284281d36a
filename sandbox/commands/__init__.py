"""What a person can ask of the sandbox: a module per command of `python -m sandbox`."""
