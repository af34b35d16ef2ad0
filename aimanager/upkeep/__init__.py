"""What an administrator does to a whole database from the command line: copying it elsewhere, making it smaller."""
