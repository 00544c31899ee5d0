"""The calls by which services on ECS come up behind a rule, get their traffic, and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kervan.core.errors import ServerFailed
from kervan.core.places import PORT
from kervan.deploy.targets.aws.account import ask, client
from kervan.deploy.targets.aws.bodies import read_body
from kervan.deploy.targets.aws.tasks import CONTAINER

if TYPE_CHECKING:
    from pathlib import Path

    from kervan.deploy.targets.aws.parts import Note, Part
    from kervan.deploy.targets.aws.undo import Undo

_DIGEST = "kervan-digest"


class Services:
    """The services of one release; what is made for them can be undone."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._ecs = client("ecs", note.region, note.endpoint_url)
        self._elb = client("elbv2", note.region, note.endpoint_url)
        self._cluster = note.facts["cluster"]

    def bring(self, folder: Path, undo: Undo) -> str:
        """Bring services up beside those that run, move the traffic, let the others go; return the URL."""
        groups = {part.label: self._group(folder, part, undo) for part in self._note.parts}
        before = self._rule()
        self._check_ours(before)
        weights = {each["TargetGroupArn"]: each.get("Weight", 1) for each in _groups_of(before)}
        # A service may only name a group that a listener knows: it gets none of the traffic yet.
        self._set_rule(folder, {**dict.fromkeys(groups.values(), 0), **weights}, before, undo)
        names = [self._service(folder, part, groups[part.label], undo) for part in self._note.parts]
        self._wait(names)
        shares = {groups[part.label]: round(part.percent) for part in self._note.parts}
        self._set_rule(folder, shares, self._rule(), undo)
        self._let_go(names, set(groups.values()))
        return self._url(folder)

    def remove(self) -> None:
        """Take the rule, the services and the target groups away."""
        rule = self._rule()
        if rule is not None and all(self._is_ours(each) for each in _groups_of(rule)):
            self._elb.delete_rule(RuleArn=rule["RuleArn"])
        self._let_go([], set())

    def run(self) -> bool:
        """Say whether a task of one of the services runs."""
        names = self._ours()
        told = self._ecs.describe_services(cluster=self._cluster, services=names)["services"] if names else ()
        return any(each["status"] == "ACTIVE" and each["runningCount"] for each in told)

    def _group(self, folder: Path, part: Part, undo: Undo) -> str:
        body = read_body(folder, f"create-target-group.{part.label}")
        there = ask(self._elb.describe_target_groups, Names=[body["Name"]])
        if there and there["TargetGroups"]:
            return str(there["TargetGroups"][0]["TargetGroupArn"])
        arn = str(self._elb.create_target_group(**body)["TargetGroups"][0]["TargetGroupArn"])
        undo.add(f"the target group {body['Name']}", self._elb.delete_target_group, TargetGroupArn=arn)
        return arn

    def _rule(self) -> Any:
        rules = self._elb.describe_rules(ListenerArn=self._note.facts["listener"])["Rules"]
        return next((each for each in rules if each["Priority"] == self._note.facts["priority"]), None)

    def _check_ours(self, rule: Any) -> None:
        for each in _groups_of(rule):
            if not self._is_ours(each):
                raise ServerFailed(
                    f"the listener's rule {self._note.facts['priority']} leads to {each['TargetGroupArn']}",
                    hint="give another priority: [targets.ecs] priority",
                )

    def _is_ours(self, group: Any) -> bool:
        tags = self._elb.describe_tags(ResourceArns=[group["TargetGroupArn"]])["TagDescriptions"]
        return {"Key": "kervan-release", "Value": self._note.name} in tags[0]["Tags"] if tags else False

    def _set_rule(self, folder: Path, weights: dict[str, int], before: Any, undo: Undo) -> None:
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
        body = read_body(folder, "create-rule")
        if before is None:
            arn = self._elb.create_rule(**body, Actions=actions)["Rules"][0]["RuleArn"]
            undo.add("the rule", self._elb.delete_rule, RuleArn=arn)
            return
        kept = [{"Type": "forward", "ForwardConfig": {"TargetGroups": _groups_of(before)}}]
        self._elb.modify_rule(RuleArn=before["RuleArn"], Actions=actions, Conditions=body["Conditions"])
        undo.add("the rule", self._elb.modify_rule, RuleArn=before["RuleArn"], Actions=kept)

    def _service(self, folder: Path, part: Part, group: str, undo: Undo) -> str:
        task = self._task(folder, part)
        body = read_body(folder, f"create-service.{part.label}")
        named = {"cluster": self._cluster, "service": body["serviceName"]}
        told = self._ecs.describe_services(cluster=self._cluster, services=[body["serviceName"]])["services"]
        there = next((each for each in told if each["status"] == "ACTIVE"), None)
        if there is None:
            balanced = {"targetGroupArn": group, "containerName": CONTAINER, "containerPort": PORT}
            self._ecs.create_service(**body, taskDefinition=task, loadBalancers=[balanced])
            undo.add(f"the service {body['serviceName']}", self._ecs.delete_service, **named, force=True)
        elif there["taskDefinition"] != task or there["desiredCount"] != body["desiredCount"]:
            self._ecs.update_service(**named, taskDefinition=task, desiredCount=body["desiredCount"])
            before = {"taskDefinition": there["taskDefinition"], "desiredCount": there["desiredCount"]}
            undo.add(f"the service {body['serviceName']}", self._ecs.update_service, **named, **before)
        return str(body["serviceName"])

    def _task(self, folder: Path, part: Part) -> str:
        """Return the task's definition, registered anew only where it is another one."""
        body = read_body(folder, f"register-task-definition.{part.label}")
        there = ask(self._ecs.describe_task_definition, taskDefinition=body["family"], include=["TAGS"])
        if there is not None and {"key": _DIGEST, "value": part.digest} in there.get("tags", ()):
            return str(there["taskDefinition"]["taskDefinitionArn"])
        return str(self._ecs.register_task_definition(**body)["taskDefinition"]["taskDefinitionArn"])

    def _wait(self, names: list[str]) -> None:
        """Wait until services are stable, or raise `ServerFailed` where ECS rolled one back by itself."""
        self._ecs.get_waiter("services_stable").wait(cluster=self._cluster, services=names)
        for told in self._ecs.describe_services(cluster=self._cluster, services=names)["services"]:
            failed = [each for each in told.get("deployments", ()) if each.get("rolloutState") == "FAILED"]
            if failed:
                reason = failed[0].get("rolloutStateReason", "its tasks do not come up")
                raise ServerFailed(f"the service {told['serviceName']} went back: {reason}")

    def _let_go(self, names: list[str], groups: set[str]) -> None:
        for name in set(self._ours()) - set(names):
            ask(self._ecs.delete_service, cluster=self._cluster, service=name, force=True)
        for page in self._elb.get_paginator("describe_target_groups").paginate():
            for each in page["TargetGroups"]:
                if each["TargetGroupArn"] not in groups and self._is_ours(each):
                    self._elb.delete_target_group(TargetGroupArn=each["TargetGroupArn"])

    def _ours(self) -> list[str]:
        pages = self._ecs.get_paginator("list_services").paginate(cluster=self._cluster)
        names = [arn.rpartition("/")[2] for page in pages for arn in page["serviceArns"]]
        name = self._note.name
        return [each for each in names if each == name or each.startswith(f"{name}-v")]

    def _url(self, folder: Path) -> str:
        listener = self._elb.describe_listeners(ListenerArns=[self._note.facts["listener"]])["Listeners"][0]
        balancer = self._elb.describe_load_balancers(LoadBalancerArns=[listener["LoadBalancerArn"]])
        hosts = [
            each for each in read_body(folder, "create-rule")["Conditions"] if "HostHeaderConfig" in each
        ]
        host = hosts[0]["HostHeaderConfig"]["Values"][0] if hosts else balancer["LoadBalancers"][0]["DNSName"]
        return f"{listener['Protocol'].lower()}://{host}:{listener['Port']}"


def _groups_of(rule: Any) -> list[dict[str, Any]]:
    if rule is None:
        return []
    config = rule["Actions"][0].get("ForwardConfig", {})
    return [
        {"TargetGroupArn": each["TargetGroupArn"], "Weight": int(each.get("Weight", 1))}
        for each in config.get("TargetGroups", ())
    ]
