"""The database: how it is opened, the gate through which all its writes go, its schema, and paging by key."""
