"""How the pods of a revision are scheduled on Kubernetes, said by templates."""

from domain.definitions import kubernetes
from schema import versions
from schema.enums import TaintEffect, TolerationOperator


@versions.type(added="0.2.0")
class KubernetesNodeLabel:
    key: str
    value: str


@versions.type(added="0.2.0")
class KubernetesToleration:
    """A taint of nodes that pods bear."""

    key: str | None = versions.field(description="The taint's key; null with EXISTS: every taint.")
    operator: TolerationOperator
    value: str | None = versions.field(description="The taint's value, with EQUAL.")
    effect: TaintEffect | None = versions.field(description="Null: every effect.")
    toleration_seconds: int | None = versions.field(
        description="How long a pod stays on a node with such a taint; null: for ever."
    )

    @classmethod
    def of(cls, value: kubernetes.Toleration) -> "KubernetesToleration":
        return cls(
            key=value.key or None,
            operator=value.operator,
            value=value.value or None,
            effect=value.effect,
            toleration_seconds=value.toleration_seconds,
        )


@versions.type(added="0.2.0")
class KubernetesUse:
    """Where pods run and as what; where replicas are processes, nothing of it counts."""

    node_selector: list[KubernetesNodeLabel] = versions.field(
        description="Labels that a node has to have."
    )
    tolerations: list[KubernetesToleration] = versions.field(
        description="Taints of nodes that its pods bear."
    )
    runtime_class: str | None = versions.field(description="The RuntimeClass of its pods.")
    service_account: str | None = versions.field(
        description="The service account of its pods; its token is not mounted."
    )
    image_pull_secrets: list[str] = versions.field(
        description="Names of Secrets of the cluster that the registry wants."
    )
    run_as_non_root: bool | None = versions.field(
        description="Whether an image that runs as root is refused; null: the operator's setting."
    )
    run_as_user: int | None = versions.field(description="The user's number; null: the image's.")
    queue: str | None = versions.field(description="The LocalQueue of Kueue that pods wait in.")
    priority_class: str | None = versions.field(description="The PriorityClass of its pods.")

    @classmethod
    def of(cls, value: kubernetes.KubernetesUse) -> "KubernetesUse":
        return cls(
            node_selector=[
                KubernetesNodeLabel(key=label.key, value=label.value)
                for label in value.node_selector
            ],
            tolerations=[KubernetesToleration.of(each) for each in value.tolerations],
            runtime_class=value.runtime_class,
            service_account=value.service_account,
            image_pull_secrets=list(value.image_pull_secrets),
            run_as_non_root=value.run_as_non_root,
            run_as_user=value.run_as_user,
            queue=value.queue,
            priority_class=value.priority_class,
        )


@versions.input(added="0.2.0")
class KubernetesNodeLabelInput:
    key: str
    value: str


@versions.input(added="0.2.0")
class KubernetesTolerationInput:
    key: str | None = versions.field(description="The taint's key; none only with EXISTS.")
    operator: TolerationOperator | None = versions.field(description="EQUAL unless said.")
    value: str | None = versions.field(description="The taint's value, with EQUAL.")
    effect: TaintEffect | None = versions.field(description="Every effect unless said.")
    toleration_seconds: int | None = versions.field(
        description="With NO_EXECUTE: how long a pod stays on a node with such a taint."
    )


@versions.input(added="0.2.0")
class KubernetesUseInput:
    node_selector: list[KubernetesNodeLabelInput] | None = versions.field(
        description="Labels that a node has to have."
    )
    tolerations: list[KubernetesTolerationInput] | None = versions.field(
        description="Taints of nodes that its pods bear."
    )
    runtime_class: str | None = versions.field(description="The RuntimeClass of its pods.")
    service_account: str | None = versions.field(
        description="The service account of its pods; its token is not mounted."
    )
    image_pull_secrets: list[str] | None = versions.field(
        description="Names of Secrets of the cluster that the registry wants."
    )
    run_as_non_root: bool | None = versions.field(
        description="Whether an image that runs as root is refused; the operator's setting unless said."
    )
    run_as_user: int | None = versions.field(
        description="A user's number; the image's unless said."
    )
    queue: str | None = versions.field(description="The LocalQueue of Kueue that pods wait in.")
    priority_class: str | None = versions.field(description="The PriorityClass of its pods.")
