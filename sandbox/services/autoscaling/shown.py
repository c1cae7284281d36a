"""What `status` does not show of scaling groups."""

BOOKKEEPING = ("as.activity",)
