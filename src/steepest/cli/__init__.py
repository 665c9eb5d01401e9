"""The command line: one file per door. Each imports what it needs when it is called."""
