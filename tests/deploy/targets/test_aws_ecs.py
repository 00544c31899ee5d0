"""ECS with Fargate: bodies, what is refused before it is sent, calls against moto, which runs no task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kervan.core.errors import ServerFailed
from kervan.deploy.targets.aws import task_calls
from kervan.deploy.targets.aws.account import client
from kervan.deploy.targets.aws.ecs import EcsTarget

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.targets.rendering import Rendering

REGION = "eu-central-1"
ARN = (
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/a/50dc6c495c0c9188/f2f7dc8efc522ab2"
)
SETTINGS: dict[str, Any] = {
    "region": REGION,
    "role": "arn:aws:iam::123456789012:role/task",
    "execution_role": "arn:aws:iam::123456789012:role/fetch",
    "vpc": "vpc-1",
    "subnets": ("subnet-1",),
    "security_groups": ("sg-1",),
    "listener": ARN,
    "keys": "fs-12345678",
}


@pytest.fixture
def at_moto(
    rendering: Callable[..., Rendering], moto: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Rendering]:
    """A network with a load balancer that answers 404, and a cluster whose services count as stable."""
    monkeypatch.setattr(task_calls.Services, "_wait", lambda *_: None)
    ec2, elb, ecs = (client(name, REGION, moto) for name in ("ec2", "elbv2", "ecs"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = tuple(
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{each}.0/24", AvailabilityZone=f"{REGION}{zone}")[
            "Subnet"
        ]["SubnetId"]
        for each, zone in enumerate("ab")
    )
    group = ec2.create_security_group(GroupName="x", Description="x", VpcId=vpc)["GroupId"]
    balancer = elb.create_load_balancer(Name="front", Subnets=list(subnets))["LoadBalancers"][0]
    nothing = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[nothing]
    )["Listeners"][0]["ListenerArn"]
    ecs.create_cluster(clusterName="default")

    def make(**told: Any) -> Rendering:
        place = {"vpc": vpc, "subnets": subnets, "security_groups": (group,), "listener": listener}
        return rendering(EcsTarget(), "ecs", {**SETTINGS, **place, "endpoint_url": moto}, **told)

    return make


class Account:
    """What there is at moto."""

    def __init__(self, moto: str, listener: str) -> None:
        self.elb, self.ecs = client("elbv2", REGION, moto), client("ecs", REGION, moto)
        self.listener = listener

    @property
    def weights(self) -> list[int]:
        rules = self.elb.describe_rules(ListenerArn=self.listener)["Rules"]
        (rule,) = [each for each in rules if not each["IsDefault"]]
        return [each["Weight"] for each in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]]

    @property
    def services(self) -> list[str]:
        found = self.ecs.list_services(cluster="default")["serviceArns"]
        told = self.ecs.describe_services(cluster="default", services=found)["services"] if found else ()
        return sorted(each["serviceName"].rpartition("-")[0] for each in told if each["status"] == "ACTIVE")


def test_the_bodies_hold_what_was_planned(rendering: Callable[..., Rendering], moto: str) -> None:
    made = rendering(EcsTarget(), "ecs", SETTINGS, workers=3, cpu=1, memory=3 << 30)
    made.render("1.0.0", candidate="2.0.0")
    task = made.body("register-task-definition.v1-0-0")
    assert (task["cpu"], task["memory"]) == ("1024", "3072")
    (container,) = task["containerDefinitions"]
    assert container["readonlyRootFilesystem"]
    assert {"sourceVolume": "keys", "containerPath": "/run/secrets/kervan", "readOnly": True} in container[
        "mountPoints"
    ]
    assert made.body("create-service.v1-0-0")["desiredCount"] == 3
    assert made.failures() == []


@pytest.mark.parametrize(
    ("settings", "told", "message"),
    [
        ({"listener": ""}, {}, "listener is missing"),
        ({"keys": ""}, {}, "nobody guards the door"),
        ({}, {"cpu": 32}, "no task of Fargate has 32 cores"),
        ({"priority": 70_000}, {}, "Priority: 70000 is over 50000"),
        ({"region": "eu-nowhere-1"}, {}, "no ecs in 'eu-nowhere-1'"),
    ],
)
def test_what_aws_would_refuse_is_found_before(
    rendering: Callable[..., Rendering],
    moto: str,
    settings: dict[str, Any],
    told: dict[str, Any],
    message: str,
) -> None:
    made = rendering(EcsTarget(), "ecs", {**SETTINGS, **settings}, **told)
    made.render()
    assert any(message in each for each in made.failures()), made.failures()


@pytest.mark.service
def test_a_rule_divides_the_traffic_and_old_services_go(at_moto: Callable[..., Rendering], moto: str) -> None:
    made = at_moto()
    account = Account(moto, made.plan.settings["listener"])
    made.render("1.0.0")
    url = made.apply()
    assert url.startswith("http://front-")
    assert (account.weights, account.services) == ([100], ["gelir-production-v1-0-0"])
    made.render("1.0.0", candidate="2.0.0", share=0.2)
    assert made.apply() == url
    assert account.weights == [80, 20]
    assert account.services == ["gelir-production-v1-0-0", "gelir-production-v2-0-0"]
    made.render("2.0.0")
    made.apply()
    assert (account.weights, account.services) == ([100], ["gelir-production-v2-0-0"])
    made.target.remove(made.folder)
    made.target.remove(made.folder)
    assert not made.target.runs(made.folder)
    assert account.services == []
    assert account.elb.describe_target_groups()["TargetGroups"] == []


@pytest.mark.service
def test_services_that_do_not_come_up_leave_the_rule(
    at_moto: Callable[..., Rendering], moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = at_moto()
    account = Account(moto, made.plan.settings["listener"])
    made.render("1.0.0")
    made.apply()

    def broken(*_: Any) -> None:
        raise ServerFailed("its tasks do not come up")

    monkeypatch.setattr(task_calls.Services, "_wait", broken)
    made.render("2.0.0")
    with pytest.raises(ServerFailed, match="do not come up"):
        made.apply()
    assert (account.weights, account.services) == ([100], ["gelir-production-v1-0-0"])
    assert len(account.elb.describe_target_groups()["TargetGroups"]) == 1


@pytest.mark.service
def test_where_replicas_roll_there_is_one_service(at_moto: Callable[..., Rendering], moto: str) -> None:
    made = at_moto(rolls=True)
    made.render("1.0.0")
    url = made.apply()
    made.render("2.0.0")
    assert made.apply() == url
    ecs = client("ecs", REGION, moto)
    (service,) = ecs.describe_services(cluster="default", services=["gelir-production"])["services"]
    assert "v2-0-0" in service["taskDefinition"]
    assert len(ecs.list_services(cluster="default")["serviceArns"]) == 1


@pytest.mark.service
def test_a_rule_of_others_is_left_alone(at_moto: Callable[..., Rendering], moto: str) -> None:
    made = at_moto()
    account = Account(moto, made.plan.settings["listener"])
    theirs = account.elb.create_target_group(
        Name="theirs", Protocol="HTTP", Port=80, VpcId=made.plan.settings["vpc"]
    )
    arn = theirs["TargetGroups"][0]["TargetGroupArn"]
    forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": arn, "Weight": 1}]}}
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}
    account.elb.create_rule(
        ListenerArn=account.listener, Priority=100, Conditions=[condition], Actions=[forward]
    )
    made.render("1.0.0")
    with pytest.raises(ServerFailed, match="rule 100 leads to"):
        made.apply()
    assert account.weights == [1]
    assert account.services == []
    made.target.remove(made.folder)
    assert account.weights == [1]
