"""What batch jobs are made of."""

from domain.batches import batch
from schema import versions
from schema.scalars import Duration, SafeInt


@versions.type(added="0.2.0")
class BatchMetadata:
    """One pair of a job's metadata."""

    key: str
    value: str


@versions.type(added="0.2.0")
class BatchRetry:
    """How often a request is tried; answers that another try can't mend are not."""

    attempts: int = versions.field(description="How many tries a line has, the first included.")
    first: Duration = versions.field(description="The wait before the second try; then it doubles.")
    longest: Duration = versions.field(description="No wait is longer.")

    @classmethod
    def of(cls, value: batch.Retry) -> "BatchRetry":
        return cls(
            attempts=value.attempts, first=Duration(value.first), longest=Duration(value.longest)
        )


@versions.type(added="0.2.0")
class BatchCounts:
    """Once the job is final, completed and failed add up to total."""

    total: int = versions.field(description="Its lines, once they are validated.")
    completed: int = versions.field(description="Lines with a stored result.")
    failed: int = versions.field(description="Lines with a stored error.")


@versions.type(added="0.2.0")
class BatchUsage:
    """Tokens, summed over the lines that have a result."""

    input_tokens: SafeInt
    cached_tokens: SafeInt = versions.field(description="Of the input's, those from a cache.")
    output_tokens: SafeInt
    reasoning_tokens: SafeInt = versions.field(description="Of the output's, those of reasoning.")
    total_tokens: SafeInt

    @classmethod
    def of(cls, value: batch.Usage) -> "BatchUsage":
        return cls(
            input_tokens=SafeInt(value.input_tokens),
            cached_tokens=SafeInt(value.cached_tokens),
            output_tokens=SafeInt(value.output_tokens),
            reasoning_tokens=SafeInt(value.reasoning_tokens),
            total_tokens=SafeInt(value.total_tokens),
        )


@versions.type(added="0.2.0")
class BatchJobError:
    """What was wrong with a job's input."""

    code: str = versions.field(description="E.g. duplicate_custom_id or model_not_found.")
    message: str = versions.field(description="For people: what is wrong.")
    param: str | None = versions.field(description="The field that it is about.")
    line: int | None = versions.field(
        description="The line of the file, from 1, blank ones counted; null for no one line."
    )

    @classmethod
    def of(cls, value: batch.InputError) -> "BatchJobError":
        return cls(code=value.code, message=value.message, param=value.param, line=value.line)


def metadata(value: batch.Batch) -> list[BatchMetadata]:
    return [BatchMetadata(key=key, value=said) for key, said in value.metadata.items()]


def counts(value: batch.Batch) -> BatchCounts:
    return BatchCounts(total=value.total, completed=value.completed, failed=value.failed)
