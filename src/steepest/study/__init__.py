"""Studies: a question with its experiment, the runs it needs, and what may be concluded."""
