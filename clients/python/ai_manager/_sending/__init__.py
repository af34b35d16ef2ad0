"""From the spools to the server. `sender` has the thread, `delivery` one spool's way; the rest are their parts."""
