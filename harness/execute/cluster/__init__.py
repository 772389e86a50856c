"""Runs on the nodes of a Ray cluster, each in a sealed process as on the session's own machine."""
