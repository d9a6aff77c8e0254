"""What the kubelet makes of `$` in commands, arguments and environment values, and how it is kept from it.

`$(NAME)` is replaced by a variable's value, `$$` by `$`, and a `$` takes the byte after it along, which
breaks characters of several bytes.
https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
"""

import re

TOUCHED = re.compile(r"\$(?=[$(]|[^\x00-\x7f])")


def literal(text: str) -> str:
    """The text of which the kubelet makes `text`."""
    return TOUCHED.sub("$$", text)
