"""All that the command line ever asks of a server."""

from collections.abc import Iterator

from infra.client import batch_documents, documents

OPERATIONS = ("query ", "mutation ", "subscription ")


def texts() -> Iterator[str]:
    for module in (documents, batch_documents):
        for text in vars(module).values():
            if isinstance(text, str) and text.lstrip().startswith(OPERATIONS):
                yield text
    for verb in batch_documents.DECISIONS:
        yield batch_documents.decision(verb)
