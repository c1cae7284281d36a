"""What the gateway's objects are called in a cluster."""

NAMESPACE = "sanmen"
APP = "gateway"
LABELS = {"app.kubernetes.io/name": APP, "app.kubernetes.io/part-of": "sanmen"}
