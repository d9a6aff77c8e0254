"""The mark of a field that loads."""

LOADS = "loads"
"""In a field's metadata: its resolver waits for nothing but `info.context.loads`, asks `info` for
nothing but the context, and changes nothing. The executor may run it for many parents at once, so
that what they load is read together, and may run it again."""
