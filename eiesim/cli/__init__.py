"""The command line: argument parsing and printing only, one file a command."""
