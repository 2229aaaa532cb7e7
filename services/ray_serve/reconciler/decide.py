"""What to do next: pure, one action at a time.

which generation?   the desired one; the last good one where the desired one has failed
on the box?         no -> Fetch
Ray?                down -> StartRay; started with other ports or resources -> StopRay (and start it next)
told?               no -> does it fit? no -> Reject;  yes -> Apply
healthy?            failed or too late -> Reject;  not yet -> Wait
proven?             new or changed apps by their golden cases: Prove;  not passed -> Reject
a canary?           its share is split off -> Apply;  too many errors -> Reject;  enough seen -> Promote
                    none of it -> Accept
something is split that should not be, or no longer? Unsplit, before anything else is told
"""

from collections.abc import Mapping

from reconciler.actions import Accept, Action, Apply, Fetch, Promote, Prove, Reject, StartRay, StopRay, Unsplit, Wait
from reconciler.capacity import Resources, Room, misfit
from reconciler.desired import CanaryRule, Desired, ServeConfig
from reconciler.rollout import CANARY, Step, Told, body, canaries, unproven
from reconciler.snapshot import AppState, AppStatus, Ray, Snapshot
from reconciler.trial import OVER, Outcome, Trial, enough, objection

_SICK = ("UNHEALTHY", "DEPLOY_FAILED")
"""Ray Serve's words for a deployment that failed."""
_UNSPLIT_S = 10.0
"""So long a split that was taken back may still be seen; a request gives up on a lost canary sooner (`kit.canary`)."""


def target_of(snapshot: Snapshot) -> Desired | None:
    """The generation that the box should run now."""
    desired, memory = snapshot.desired, snapshot.memory
    if desired is None:
        return memory.good
    out_of_reach = snapshot.fetch_error is not None and not _on_the_box(snapshot, desired)
    if _failed(snapshot, desired) or out_of_reach:
        # With nothing to go back to, Serve keeps what it can of the failed one.
        return memory.good or desired
    return desired


def decide(snapshot: Snapshot) -> Action:
    """The next action towards the target."""
    desired, target = snapshot.desired, target_of(snapshot)
    if target is None:
        return Wait("nothing is desired yet")
    for needed in (desired, target):
        if needed and not _on_the_box(snapshot, needed):
            if snapshot.now >= snapshot.fetch_again_at:
                return Fetch(needed)
            if needed is target:
                return Wait("its packages could not be fetched; trying again soon")
    if reason := snapshot.unreadable.get(target.generation):
        return _reject_once(snapshot, target, reason)
    config = snapshot.configs[target.generation]
    match snapshot.ray:
        case Ray.DOWN:
            return StartRay(config.head)
        case Ray.STARTING:
            return Wait("Ray is starting", soon=True)
        case Ray.UP:
            return _with_ray(snapshot, target, config)


def trial_of(snapshot: Snapshot, target: Desired) -> Trial | None:
    """The target's trial, if one is under way."""
    trial = snapshot.memory.trial
    mine = trial is not None and trial.target.generation == target.generation and trial.outcome not in OVER
    return trial if mine else None


def tried(snapshot: Snapshot, target: Desired) -> Mapping[str, CanaryRule]:
    """The apps of the target that go past a canary: decided once, when its trial begins."""
    good = snapshot.memory.good
    if good is None or good.generation == target.generation:
        return {}
    if trial := trial_of(snapshot, target):
        return trial.rules
    config = snapshot.configs[target.generation]
    return canaries(snapshot.configs.get(good.generation), config, snapshot.can_split)


def _on_the_box(snapshot: Snapshot, one: Desired) -> bool:
    return one.generation in snapshot.configs or one.generation in snapshot.unreadable


def _failed(snapshot: Snapshot, one: Desired) -> bool:
    failed = snapshot.memory.failed
    return failed is not None and failed.generation == one.generation


def _accepted(snapshot: Snapshot, one: Desired) -> bool:
    good = snapshot.memory.good
    return good is not None and good.generation == one.generation


def _reject_once(snapshot: Snapshot, target: Desired, reason: str) -> Action:
    if _failed(snapshot, target):
        return Wait("failed, and there is no good generation to go back to")
    return Reject(target.generation, reason, refused=True)


def _with_ray(snapshot: Snapshot, target: Desired, config: ServeConfig) -> Action:
    memory = snapshot.memory
    if memory.started_with is None or not memory.started_with.serves(config.head):
        # Ray ignores a change of these while it runs, and says nothing.
        return StopRay(f"Ray runs with {memory.started_with} and needs {config.head}")
    told = memory.applied
    wanted = _wanted_step(snapshot, target)
    if told is None or told.generation != target.generation or told.step is not wanted:
        return _towards(snapshot, target, wanted)
    if _failed(snapshot, target):
        return Wait("failed, and there is no good generation to go back to")
    return _judge(snapshot, target, wanted)


def _wanted_step(snapshot: Snapshot, target: Desired) -> Step:
    """As far as this generation may go by now; `_judge` takes it further."""
    trial, told = trial_of(snapshot, target), snapshot.memory.applied
    if not tried(snapshot, target) or (trial and trial.outcome is Outcome.PASSED):
        return Step.WHOLE
    # What is split without a trial, since Git went away from it and came back, begins anew.
    return Step.SPLIT if trial and told == Told(target.generation, Step.SPLIT) else Step.ASIDE


def _towards(snapshot: Snapshot, target: Desired, step: Step) -> Action:
    told, trial = snapshot.memory.applied, snapshot.memory.trial
    if trial and trial.target.generation in snapshot.configs:
        aside = Told(trial.target.generation, Step.ASIDE)
        if told == aside and snapshot.splitting and snapshot.now - snapshot.memory.applied_at < _UNSPLIT_S:
            return Wait("the split is being taken back", soon=True)
        if told != aside and (snapshot.splitting or told == Told(trial.target.generation, Step.SPLIT)):
            return Unsplit(trial)
    failed = snapshot.memory.failed
    if failed and failed.generation == target.generation and failed.refused:
        return Wait("failed, and there is no good generation to go back to")
    new_here = told is None or told.generation != target.generation
    if new_here and not _accepted(snapshot, target) and (reason := _misfit(snapshot, target)):
        return _reject_once(snapshot, target, f"it does not fit on the box: {reason}")
    return Apply(target, step, tried(snapshot, target))


def _misfit(snapshot: Snapshot, target: Desired) -> str:
    """Compares each step with what runs before it; a canary is gone before the new version takes its place."""
    config, good = snapshot.configs[target.generation], None
    if snapshot.memory.good:
        good = snapshot.configs.get(snapshot.memory.good.generation)
    room = Room(Resources(config.head.cpus, config.head.gpus, config.head.memory_mb or 0), snapshot.nodes)
    running = body(None, good, Step.WHOLE)["applications"] if good and snapshot.apps else ()
    rules = tried(snapshot, target)
    for step in (Step.ASIDE, Step.WHOLE) if rules else (Step.WHOLE,):
        if reason := misfit(running, body(good, config, step, rules)["applications"], room):
            return reason
    return ""


def _judge(snapshot: Snapshot, target: Desired, step: Step) -> Action:
    """Is what was applied healthy, on its way, or lost?"""
    accepted = _accepted(snapshot, target)
    if step is Step.SPLIT:
        return _judge_trial(snapshot, target)
    if not _healthy(snapshot):
        if accepted:
            # It was healthy once, so its code is not to blame: Serve replaces replicas by itself.
            return Wait("unhealthy; Serve is repairing it")
        if lost := _lost(snapshot):
            return Reject(target.generation, lost)
        return Wait("becoming healthy", soon=True)
    if accepted:
        return Wait("healthy")
    trial = trial_of(snapshot, target)
    if trial is None or trial.outcome is Outcome.PROVING:  # one that goes on was proven before
        config = snapshot.configs[target.generation]
        good = snapshot.configs.get(snapshot.memory.good.generation) if snapshot.memory.good else None
        if (apps := unproven(good, config)) and (action := _prove(snapshot, target, apps)):
            return action
    return Apply(target, Step.SPLIT, tried(snapshot, target)) if step is Step.ASIDE else Accept(target)


def _prove(snapshot: Snapshot, target: Desired, apps: frozenset[str]) -> Action | None:
    """None once all have passed."""
    proof = snapshot.proof
    if proof is None or proof.told != snapshot.memory.applied:
        return Prove(target, apps)
    if proof.reason:
        return Reject(target.generation, proof.reason)
    return None if proof.done else Wait("the golden cases are running", soon=True)


def _judge_trial(snapshot: Snapshot, target: Desired) -> Action:
    trial = trial_of(snapshot, target)
    assert trial is not None  # noqa: S101 see `_wanted_step`
    rules = trial.rules
    apps = snapshot.apps or {}
    failures = _failures({name: app for name, app in apps.items() if name not in rules})
    over = {name: enough(rule, trial.seen_s) for name, rule in rules.items()}
    failures += [told for name, rule in rules.items() if (told := objection(name, rule, trial.of(name), over[name]))]
    running = all((app := apps.get(name + CANARY)) and app.status is AppStatus.RUNNING for name in rules)
    if snapshot.now - snapshot.healthy_at > snapshot.deadline_s:
        why = "its ingress does not split its requests" if running else "its canary has not been running"
        failures += [f"{name}: {why} for {snapshot.deadline_s:g} s" for name in rules]
    if failures:
        return Reject(target.generation, "\n".join(failures))
    if all(over.values()) and running:
        return Promote(target)
    return Wait(f"trying {', '.join(sorted(rules))}")


def _healthy(snapshot: Snapshot) -> bool:
    apps = snapshot.apps or {}
    return (
        snapshot.http_ready
        and all(name in apps and apps[name].status is AppStatus.RUNNING for name in snapshot.wanted_apps)
        and bool(snapshot.wanted_apps)
    )


def _lost(snapshot: Snapshot) -> str:
    """Why what was applied will not become healthy; empty while it may."""
    apps = {name: app for name, app in (snapshot.apps or {}).items() if name in snapshot.wanted_apps}
    if failures := _failures(apps):
        return "\n".join(failures)
    if snapshot.now - snapshot.memory.applied_at > snapshot.deadline_s:
        states = ", ".join(f"{name} {app.status}: {app.message}" for name, app in apps.items()) or "no app appeared"
        return f"not healthy within {snapshot.deadline_s:g} s ({states})"
    return ""


def _failures(apps: Mapping[str, AppState]) -> list[str]:
    return [f"{name}: {_why(app)}" for name, app in apps.items() if app.status is AppStatus.DEPLOY_FAILED]


def _why(app: AppState) -> str:
    """Ray's message; of a constructor that fails it only names the deployment, which has the traceback."""
    sick = [f"{name}: {one.message}" for name, one in app.deployments.items() if one.status in _SICK and one.message]
    return "\n".join([app.message, *sick])
