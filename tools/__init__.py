"""Stand-alone tools: no part of what is installed."""
