"""Pages made from results: the model card and the sales pages."""
