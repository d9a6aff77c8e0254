"""What is committed, noun by noun."""

from domain.deployments.deployment import Deployment
from domain.folders.folder import Folder
from domain.work import (
    AnswerReads,
    BatchLists,
    DedicatedLists,
    DueLists,
    ExternalEndpointLists,
    FileLists,
    GroupLists,
    KeyLists,
    Lists,
    ProfileLists,
    ProjectLists,
    ReplicaLists,
    RevisionLists,
    RolloutLists,
    RuleLists,
    SecretLists,
    TemplateLists,
    WebhookLists,
)
from infra.db.access import KEYS, PROJECTS, StoredKeyLists, StoredProjectLists
from infra.db.answers import StoredAnswerReads
from infra.db.autoscaling import RULES, StoredRuleLists
from infra.db.batches.batch import BATCHES
from infra.db.batches.dedicated import DEDICATED, StoredDedicatedLists
from infra.db.batches.external_endpoints import EXTERNAL_ENDPOINTS, StoredExternalEndpointLists
from infra.db.batches.lists import StoredBatchLists
from infra.db.batches.profiles import PROFILES, StoredProfileLists
from infra.db.deployments import DEPLOYMENTS, REVISIONS, StoredRevisionLists
from infra.db.engine import Engines
from infra.db.files import FILES, StoredFileLists
from infra.db.folders import FOLDERS
from infra.db.lists import StoredLists
from infra.db.looks import StoredDueLists
from infra.db.replicas import GROUPS, REPLICAS, StoredGroupLists, StoredReplicaLists
from infra.db.rollouts import ROLLOUTS, StoredRolloutLists
from infra.db.secrets import SECRETS, StoredSecretLists
from infra.db.templates import TEMPLATES, StoredTemplateLists
from infra.db.webhooks import WEBHOOKS, StoredWebhookLists


class StoredReads:
    def __init__(self, engines: Engines) -> None:
        self.projects: ProjectLists = StoredProjectLists(engines, PROJECTS)
        self.keys: KeyLists = StoredKeyLists(engines, KEYS)
        self.secrets: SecretLists = StoredSecretLists(engines, SECRETS)
        self.folders: Lists[Folder] = StoredLists(engines, FOLDERS)
        self.templates: TemplateLists = StoredTemplateLists(engines, TEMPLATES)
        self.deployments: Lists[Deployment] = StoredLists(engines, DEPLOYMENTS)
        self.revisions: RevisionLists = StoredRevisionLists(engines, REVISIONS)
        self.rollouts: RolloutLists = StoredRolloutLists(engines, ROLLOUTS)
        self.groups: GroupLists = StoredGroupLists(engines, GROUPS)
        self.replicas: ReplicaLists = StoredReplicaLists(engines, REPLICAS)
        self.rules: RuleLists = StoredRuleLists(engines, RULES)
        self.due: DueLists = StoredDueLists(engines)
        self.files: FileLists = StoredFileLists(engines, FILES)
        self.batches: BatchLists = StoredBatchLists(engines, BATCHES)
        self.batch_profiles: ProfileLists = StoredProfileLists(engines, PROFILES)
        self.external_endpoints: ExternalEndpointLists = StoredExternalEndpointLists(
            engines, EXTERNAL_ENDPOINTS
        )
        self.dedicated: DedicatedLists = StoredDedicatedLists(engines, DEDICATED)
        self.webhooks: WebhookLists = StoredWebhookLists(engines, WEBHOOKS)
        self.answers: AnswerReads = StoredAnswerReads(engines)
