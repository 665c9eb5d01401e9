"""steepest: a laboratory for how neural networks are trained."""
