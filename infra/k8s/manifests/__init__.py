"""What is sent to the cluster, rendered from revisions: pure functions from values to plain JSON."""
