"""The sizes that the form of a chunk rests on. Each row in the database says how long it is itself."""

CHUNK = 4096  # Rows of a full chunk: beyond this the codecs gain nothing.
NODE = 256  # Rows under one node of a chunk's own little tree. Part of the format: see docs/store-format.md.
LARGE = 512  # Rows of a request from which they are written as chunks at once.
ROLLUP = 256  # Chunks in a rollup.

LEVEL, HARDER = 4, 8  # The codec's effort on the way in, and when merging, where nobody waits.
