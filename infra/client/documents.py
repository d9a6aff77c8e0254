"""Everything that the command line asks of the API.

A test validates each document against schema.graphql.
"""

from collections.abc import Iterator, Mapping

ERRORS = "userErrors { code message path }"

REPLICA_COUNTS = "present starting healthy unhealthy draining stopping"
GROUP = f"""
fragment Group on ReplicaGroup {{
  id weight exits nextRetryAt exitReason exitMessage logTail
  revision {{ id number }} replicaCounts {{ {REPLICA_COUNTS} }}
}}"""
ROLLOUT = """
fragment RolloutState on Rollout {
  id kind status statusSince statusReason statusMessage step weight readyAt promotionRequested
  note
  startedAt startedBy finishedAt durationSeconds progressDeadline progressDeadlineAt
  healthyReplicas desiredReplicas
  revision { id number } fromRevision { id number }
  strategy { __typename ... on CanaryStrategy { steps { weight pause } }
    ... on BlueGreenStrategy { autoPromote promoteDelay }
    ... on RollingStrategy { maxSurge maxUnavailable } }
}"""
DEPLOYMENT = f"""
fragment DeploymentState on ModelDeployment {{
  id name tags status statusSince statusReason statusMessage nextRetryAt desiredReplicas etag
  createdAt createdBy updatedAt
  activeRevision {{ id number digest runtimeVariant }}
  strategy {{ __typename ... on CanaryStrategy {{ steps {{ weight pause }} }}
    ... on BlueGreenStrategy {{ autoPromote promoteDelay }}
    ... on RollingStrategy {{ maxSurge maxUnavailable }} }}
  rollout {{ ...RolloutState }}
  replicaGroups {{ ...Group }}
}}{ROLLOUT}{GROUP}"""

CURSOR = "query Cursor { eventCursor }"
LIST = f"""
query Deployments($after: String, $filter: ModelDeploymentFilter) {{
  modelDeployments(first: 100, after: $after, filter: $filter, orderBy: {{field: NAME}}) {{
    nodes {{ ...DeploymentState }} pageInfo {{ endCursor hasNextPage }}
  }}
}}{DEPLOYMENT}"""
NAMES = """
query Names($filter: ModelDeploymentFilter) {
  modelDeployments(first: 100, filter: $filter, orderBy: {field: NAME}) { nodes { name } }
}"""
FIND = f"""
query Deployment($filter: ModelDeploymentFilter) {{
  eventCursor
  modelDeployments(first: 1, filter: $filter) {{ nodes {{ ...DeploymentState }} }}
}}{DEPLOYMENT}"""
STATE = f"""
query State($deploymentId: ID!) {{
  eventCursor
  modelDeployment(id: $deploymentId) {{ ...DeploymentState }}
}}{DEPLOYMENT}"""
ROLLOUT_STATE = f"""
query RolloutState($deploymentId: ID!, $rolloutId: ID!) {{
  eventCursor
  modelDeployment(id: $deploymentId) {{ ...DeploymentState }}
  rollout(id: $rolloutId) {{ ...RolloutState }}
}}{DEPLOYMENT}"""
DESCRIBE = f"""
query Describe($id: ID!) {{
  modelDeployment(id: $id) {{
    ...DeploymentState
    replicas(first: 100) {{ nodes {{
      id status statusSince statusReason statusMessage createdAt firstHealthyAt
      revision {{ number }} endpoints {{ model url }} }} }}
    revisions(first: 5, orderBy: {{field: NUMBER, direction: DESC}}) {{ nodes {{ ...RevisionLine }} }}
    rollouts(first: 5) {{ nodes {{ ...RolloutState }} }}
  }}
}}
fragment RevisionLine on ModelRevision {{
  id number digest runtimeVariant note createdAt createdBy modelFolder {{ uri }}
}}{DEPLOYMENT}"""
REVISIONS = """
query Revisions($id: ID!, $after: String) {
  modelDeployment(id: $id) {
    revisions(first: 100, after: $after, orderBy: {field: NUMBER, direction: DESC}) {
      nodes { id number digest runtimeVariant note createdAt createdBy modelFolder { uri } }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""
REVISION = """
query Revision($id: ID!, $filter: ModelRevisionFilter) {
  modelDeployment(id: $id) { revisions(first: 1, filter: $filter) { nodes { id number } } }
}"""
ROLLOUTS = f"""
query Rollouts($id: ID!, $after: String) {{
  modelDeployment(id: $id) {{
    rollouts(first: 100, after: $after) {{
      nodes {{ ...RolloutState }} pageInfo {{ endCursor hasNextPage }}
    }}
  }}
}}{ROLLOUT}"""
LAST_ROLLOUT = f"""
query LastRollout($id: ID!) {{
  eventCursor
  modelDeployment(id: $id) {{
    ...DeploymentState rollouts(first: 1) {{ nodes {{ ...RolloutState }} }}
  }}
}}{DEPLOYMENT}"""
FOLDERS = """
query Folders($uri: String!) {
  modelFolders(first: 1, filter: {uri: {eq: $uri}}) { nodes { id name uri } }
}"""

PREVIEW = f"""
query Preview($input: AddModelRevisionInput!) {{
  previewModelRevision(input: $input) {{ digest {ERRORS} }}
}}"""
CREATE_FOLDER = f"""
mutation CreateFolder($input: CreateModelFolderInput!) {{
  createModelFolder(input: $input) {{ folder {{ id name uri }} {ERRORS} }}
}}"""
CREATE = f"""
mutation Create($input: CreateModelDeploymentInput!) {{
  createModelDeployment(input: $input) {{ deployment {{ ...DeploymentState }} {ERRORS} }}
}}{DEPLOYMENT}"""
UPDATE = f"""
mutation Update($input: UpdateModelDeploymentInput!) {{
  updateModelDeployment(input: $input) {{ deployment {{ ...DeploymentState }} {ERRORS} }}
}}{DEPLOYMENT}"""
ADD = f"""
mutation Add($input: AddModelRevisionInput!) {{
  addModelRevision(input: $input) {{
    revision {{ id number digest warnings {{ code message pointer }} }} {ERRORS}
  }}
}}"""
ACTIVATE = f"""
mutation Activate($input: ActivateModelRevisionInput!) {{
  activateModelRevision(input: $input) {{
    changed deployment {{ ...DeploymentState }} rollout {{ ...RolloutState }} {ERRORS}
  }}
}}{DEPLOYMENT}"""
SCALE = f"""
mutation Scale($input: ScaleModelDeploymentInput!) {{
  scaleModelDeployment(input: $input) {{ changed deployment {{ ...DeploymentState }} {ERRORS} }}
}}{DEPLOYMENT}"""
ROLL_BACK = f"""
mutation RollBack($input: RollBackModelDeploymentInput!) {{
  rollBackModelDeployment(input: $input) {{
    changed deployment {{ ...DeploymentState }} rollout {{ ...RolloutState }} {ERRORS}
  }}
}}{DEPLOYMENT}"""
DELETE = f"""
mutation Delete($input: DeleteModelDeploymentInput!) {{
  deleteModelDeployment(input: $input) {{ deployment {{ ...DeploymentState }} {ERRORS} }}
}}{DEPLOYMENT}"""


def _verb(verb: str) -> str:
    return f"""
mutation {verb}($input: {verb}RolloutInput!) {{
  {verb.lower()}Rollout(input: $input) {{
    deployment {{ ...DeploymentState }} rollout {{ ...RolloutState }} {ERRORS}
  }}
}}{DEPLOYMENT}"""


PAUSE, RESUME, ABORT, PROMOTE = (_verb(each) for each in ("Pause", "Resume", "Abort", "Promote"))

REPLICAS = """
query Replicas($id: ID!, $tail: Int!) {
  eventCursor
  modelDeployment(id: $id) {
    replicas(first: 100) { nodes { id status revision { number } logs(tail: $tail) } }
  }
}"""
REPLICA = """
query Replica($id: ID!, $tail: Int!) {
  modelReplica(id: $id) {
    id status deployment { id name } revision { number } logs(tail: $tail)
  }
}"""
REPLICA_LOGS = """
subscription ReplicaLogs($replicaId: ID!, $tail: Int!) {
  replicaLogs(replicaId: $replicaId, tail: $tail) { text }
}"""

RULE = "deploymentId ruleId metric"
FIELDS: Mapping[str, str] = {
    "ProjectCreated": "projectId name",
    "KeyCreated": "keyId name",
    "KeyRevoked": "keyId name",
    "SecretCreated": "secretId name",
    "SecretDeleted": "secretId name",
    "FolderCreated": "folderId name uri",
    "FolderUpdated": "folderId name uri",
    "FolderDeleted": "folderId name",
    "TemplateCreated": "templateId name version",
    "TemplateUpdated": "templateId name version templateStatus",
    "TemplateDeleted": "templateId name version",
    "DeploymentCreated": "deploymentId name desiredReplicas",
    "DeploymentUpdated": "deploymentId name tags desiredReplicas changed",
    "DeploymentDeleted": "deploymentId name",
    "DeploymentStatusChanged": "deploymentId statusBefore statusAfter reason message",
    "RevisionAdded": "deploymentId revisionId revisionNumber digest",
    "RevisionActivated": "deploymentId revisionId revisionNumber",
    "DeploymentScaled": "deploymentId replicasBefore replicasAfter ruleId metric measured "
    "target note",
    "AutoscalingRuleCreated": f"{RULE} target minReplicas maxReplicas cooldownUp cooldownDown",
    "AutoscalingRuleUpdated": f"{RULE} target minReplicas maxReplicas cooldownUp cooldownDown changed",
    "AutoscalingRuleDeleted": RULE,
    "RolloutStarted": "deploymentId rolloutId revisionNumber rolloutKind strategyKind note",
    "RolloutAdvanced": "deploymentId rolloutId revisionNumber step weight healthyReplicas "
    "desiredReplicas",
    "RolloutPaused": "deploymentId rolloutId revisionNumber reason",
    "RolloutResumed": "deploymentId rolloutId revisionNumber",
    "RolloutPromoted": "deploymentId rolloutId revisionNumber",
    "RolloutSucceeded": "deploymentId rolloutId revisionNumber durationSeconds",
    "RolloutFailed": "deploymentId rolloutId revisionNumber reason message logTail",
    "RolloutAborted": "deploymentId rolloutId revisionNumber",
    "RolloutReplaced": "deploymentId rolloutId revisionNumber",
    "RolledBack": "deploymentId revisionId revisionNumber",
    "ReplicaStarted": "deploymentId replicaId revisionNumber",
    "ReplicaProgressed": "deploymentId replicaId revisionNumber reason message",
    "ReplicaBecameHealthy": "deploymentId replicaId revisionNumber",
    "ReplicaBecameUnhealthy": "deploymentId replicaId revisionNumber reason message",
    "ReplicaDraining": "deploymentId replicaId revisionNumber reason",
    "ReplicaStopping": "deploymentId replicaId revisionNumber reason",
    "ReplicaExited": "deploymentId replicaId revisionNumber wanted exitCode reason message",
    "FileCreated": "fileId name purpose size sha256",
    "FileDeleted": "fileId name expired",
    "WebhookCreated": "webhookId name url",
    "WebhookDeleted": "webhookId name",
    "WebhookGivenUp": "webhookId name batchJobId message",
    "BatchJobCreated": "batchJobId endpoint inputFileId retryOfId",
    "BatchJobStatusChanged": "batchJobId jobStatusBefore jobStatusAfter jobReason message",
    "BatchJobPlaced": "batchJobId batchTarget why placedDeploymentId placedEndpointId",
    "BatchJobProgressed": "batchJobId total completed failed",
    "BatchJobPaused": "batchJobId",
    "BatchJobResumed": "batchJobId",
    "BatchProfileCreated": "batchProfileId name",
    "BatchProfileUpdated": "batchProfileId name",
    "BatchProfileDeleted": "batchProfileId name",
    "ExternalEndpointCreated": "externalEndpointId name",
    "ExternalEndpointUpdated": "externalEndpointId name",
    "ExternalEndpointDeleted": "externalEndpointId name",
}
"""What each type of event says; one that is not here is shown without its own fields."""


def _selections() -> Iterator[str]:
    return (f"... on {event} {{ {names} }}" for event, names in FIELDS.items())


EVENT = f"""
fragment Said on Event {{
  __typename cursor at actor cause
  {chr(10).join(_selections())}
}}"""
EVENTS = f"""
query Events($after: String, $filter: EventFilter) {{
  eventCursor
  events(first: 100, after: $after, filter: $filter) {{
    nodes {{ ...Said }} pageInfo {{ endCursor hasNextPage }}
  }}
}}{EVENT}"""
FOLLOW = f"""
subscription Follow($after: String, $filter: EventFilter) {{
  events(after: $after, filter: $filter) {{ ...Said }}
}}{EVENT}"""
FOLLOW_DEPLOYMENT = f"""
subscription FollowDeployment($deploymentId: ID!, $after: String) {{
  deploymentEvents(deploymentId: $deploymentId, after: $after) {{ ...Said }}
}}{EVENT}"""
PROGRESS = f"""
subscription Progress($deploymentId: ID!, $after: String) {{
  deploymentEvents(deploymentId: $deploymentId, after: $after) {{
    ...Said
    ... on DeploymentEvent {{ deployment {{ ...DeploymentState }} }}
  }}
}}{EVENT}{DEPLOYMENT}"""
