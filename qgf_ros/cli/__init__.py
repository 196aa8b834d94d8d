"""`qgf` and its verbs: parse, call one function, print."""
