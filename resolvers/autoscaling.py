"""Autoscaling rules."""

from typing import cast

from domain.autoscaling.rule import COOLDOWN_DOWN, COOLDOWN_UP
from domain.autoscaling.service import MIN_REPLICAS, NewRule, RulePatch
from resolvers.context import Info
from resolvers.errors import mending
from resolvers.inputs import own_id, patch
from schema import versions
from schema.autoscaling import (
    AutoscalingRule,
    CreateAutoscalingRuleInput,
    CreateAutoscalingRulePayload,
    DeleteAutoscalingRuleInput,
    DeleteAutoscalingRulePayload,
    UpdateAutoscalingRuleInput,
    UpdateAutoscalingRulePayload,
)


@versions.type(added="0.1.0")
class AutoscalingMutations:
    @versions.field
    async def create_autoscaling_rule(
        self, info: Info, input: CreateAutoscalingRuleInput
    ) -> CreateAutoscalingRulePayload | None:
        """Has a deployment's number of replicas follow its load from now on."""
        payload = CreateAutoscalingRulePayload()
        with mending(payload):
            least, up, down = input.min_replicas, input.cooldown_up, input.cooldown_down
            new = NewRule(
                deployment_id=own_id("ModelDeployment", input.deployment_id, "deployment_id"),
                metric=input.metric,
                target=input.target,
                min_replicas=MIN_REPLICAS if least is None else least,
                max_replicas=input.max_replicas,
                cooldown_up=COOLDOWN_UP if up is None else up,
                cooldown_down=COOLDOWN_DOWN if down is None else down,
            )
            autoscaling = info.context.services.autoscaling
            created = await autoscaling.create(info.context.caller, new, input.idempotency_key)
            payload.rule = AutoscalingRule.of(created)
        return payload

    @versions.field
    async def update_autoscaling_rule(
        self, info: Info, input: UpdateAutoscalingRuleInput
    ) -> UpdateAutoscalingRulePayload | None:
        """Changes what is said, and leaves the rest as it is."""
        payload = UpdateAutoscalingRulePayload()
        with mending(payload):
            own = own_id("AutoscalingRule", input.rule_id, "rule_id")
            changes = cast("RulePatch", patch(input, without=("rule_id",)))
            autoscaling = info.context.services.autoscaling
            changed = await autoscaling.update(info.context.caller, own, changes)
            payload.rule = AutoscalingRule.of(changed)
        return payload

    @versions.field
    async def delete_autoscaling_rule(
        self, info: Info, input: DeleteAutoscalingRuleInput
    ) -> DeleteAutoscalingRulePayload | None:
        """From now on nothing but the other rules and users change the number of replicas."""
        payload = DeleteAutoscalingRulePayload()
        with mending(payload):
            own = own_id("AutoscalingRule", input.rule_id, "rule_id")
            autoscaling = info.context.services.autoscaling
            deleted = await autoscaling.delete(info.context.caller, own)
            payload.rule = AutoscalingRule.of(deleted)
        return payload
