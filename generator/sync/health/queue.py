"""A job queue and its dead letters, from GetQueueAttributes and CloudWatch.

SQS itself does not tell the age of the oldest message; CloudWatch's ApproximateAgeOfOldestMessage does, minutes late.
"""

from generator.sync.health.states import Health, Payload, degraded, healthy, of_payload

LONGEST_WAIT_S = 30 * 60
"""Seconds after which a waiting job is a fault; dev's alarm JobsWaitTooLong waits as long (environments/dev.py)."""


@of_payload
def queue(payload: Payload) -> Health:
    """Judge `{"queue": attributes, "dead_letters": attributes or None, "oldest_s": seconds or None}`.

    Waiting work alone is no fault: a queue is there for that. Work that waits too long, or was given up, is.
    """
    waiting, running = (int(payload["queue"][f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible"))
    oldest = payload["oldest_s"]
    dead = int((payload["dead_letters"] or {"ApproximateNumberOfMessages": 0})["ApproximateNumberOfMessages"])
    faults = []
    if dead:
        faults.append(
            f"{dead} {'job' if dead == 1 else 'jobs'} among the dead letters, which failed as often as they may"
        )
    if waiting and oldest is not None and oldest > LONGEST_WAIT_S:
        faults.append(f"the oldest of {waiting} waiting jobs waits for {oldest / 60:.0f} minutes")
    if faults:
        return degraded("; ".join(faults))
    return healthy(f"{waiting} waiting, {running} running" if waiting or running else "no job waits")
