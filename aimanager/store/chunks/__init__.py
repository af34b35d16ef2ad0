"""The bytes that points are kept as: frames of the log, compressed chunks, and the tree over them."""
