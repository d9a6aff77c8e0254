"""What the command line asks of the API about batch jobs."""

from infra.client.documents import ERRORS

JOB = """
fragment Job on BatchJob {
  id openaiId status statusSince reason message endpoint model completionWindow expiresAt
  createdAt createdBy completedAt failedAt expiredAt cancelledAt pausedAt
  target targetReason revisionNumber deployment { name } externalEndpoint { name }
  counts { total completed failed }
  outputFile { id openaiId } errorFile { id openaiId }
  errors { code message param line }
}"""
LIST = f"""
query BatchJobs($first: Int!, $after: String, $filter: BatchJobFilter) {{
  batchJobs(first: $first, after: $after, filter: $filter) {{
    nodes {{ ...Job }} pageInfo {{ endCursor hasNextPage }}
  }}
}}{JOB}"""
IDS = """
query BatchJobIds {
  batchJobs(first: 100) { nodes { openaiId } }
}"""
FIND = f"""
query BatchJob($id: ID!) {{
  batchJob(id: $id) {{ ...Job }}
}}{JOB}"""
DESCRIBE = f"""
query DescribeBatchJob($id: ID!) {{
  batchJob(id: $id) {{
    ...Job
    metadata {{ key value }}
    priority maxConcurrency requestTimeout replicas keepAlive
    retry {{ attempts first longest }}
    usage {{ inputTokens cachedTokens outputTokens reasoningTokens totalTokens }}
    inputFile {{ id openaiId filename }}
    template {{ name version }} profile {{ name }} retryOf {{ openaiId }}
  }}
}}{JOB}"""
PREVIEW = f"""
query PreviewBatchJob($input: CreateBatchJobInput!) {{
  previewBatchJob(input: $input) {{
    total model errors {{ code message param line }}
    target targetReason revisionNumber
    deployment {{ name }} externalEndpoint {{ name }} template {{ name version }} {ERRORS}
  }}
}}"""
CREATE = f"""
mutation CreateBatchJob($input: CreateBatchJobInput!) {{
  createBatchJob(input: $input) {{ batchJob {{ ...Job }} {ERRORS} }}
}}{JOB}"""
PROGRESS = f"""
subscription BatchJobProgress($batchJobId: ID!) {{
  batchJobProgress(batchJobId: $batchJobId) {{ ...Job }}
}}{JOB}"""


DECISIONS = ("cancel", "pause", "resume", "retry")


def decision(verb: str) -> str:
    """One of DECISIONS."""
    name = f"{verb}BatchJob"
    kind = name[0].upper() + name[1:]
    return f"""
mutation {kind}($input: {kind}Input!) {{
  {name}(input: $input) {{ batchJob {{ ...Job }} {ERRORS} }}
}}{JOB}"""
