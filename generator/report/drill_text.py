"""What came of a restore drill, in words."""

from generator.sync.drill import Drill

_SHOWN = 20


def drill_text(drill: Drill) -> str:
    """Some lines, the verdict last."""
    jobs = ", ".join(f"{count} {state}" for state, count in drill.jobs.items()) or "none"
    lines = [
        f"{drill.environment} as of {drill.moment:%Y-%m-%d %H:%M:%S} UTC",
        f"  table     {drill.side.table}: {jobs} ({drill.table_seconds:.0f} s)",
        f"  bucket    {drill.side.bucket}: {drill.copied} of {drill.objects} objects copied, "
        f"{drill.bytes / 1e6:,.1f} MB in all ({drill.bucket_seconds:.0f} s)",
        *(f"  note      {note}" for note in drill.notes),
        *(f"  missing   {key} of job {job}" for job, key in drill.missing[:_SHOWN]),
    ]
    if len(drill.missing) > _SHOWN:
        lines.append(f"  missing   and {len(drill.missing) - _SHOWN} more")
    lines.append(
        "sound: every finished job has its video and its result"
        if drill.sound
        else f"not sound: {len(drill.missing)} objects of finished jobs are missing"
    )
    lines.append("both copies are kept; delete them when you have looked" if drill.kept else "both copies are deleted")
    return "\n".join(lines)
