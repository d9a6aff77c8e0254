"""The contract that the schema is: what changed from release to release, and what never may."""
