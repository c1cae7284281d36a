"""The sandbox's own `kubernetes` resource plugin. It previews; it changes no cluster yet."""
