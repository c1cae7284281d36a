"""Names: the name server, what watches its targets, resolvers and questions."""
