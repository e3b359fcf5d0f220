"""One module a data set: fetch, verify, prepare, load."""
