/** Argo CD's words with a mark each: colour alone would not reach everybody. */
import type { HealthStatus, Sync } from "@/ops/status";
import { Icon, type IconName } from "../Icon";

const HEALTH: Record<HealthStatus, { icon: IconName; look: string }> = {
  Healthy: { icon: "heart", look: "text-good" },
  Progressing: { icon: "progressing", look: "text-info" },
  Degraded: { icon: "broken", look: "text-bad" },
  Suspended: { icon: "suspended", look: "text-muted" },
  Missing: { icon: "missing", look: "text-warn" },
  Unknown: { icon: "missing", look: "text-muted" },
};

const SYNC: Record<Sync, { icon: IconName; look: string }> = {
  Synced: { icon: "synced", look: "text-good" },
  OutOfSync: { icon: "unsynced", look: "text-warn" },
  Missing: { icon: "missing", look: "text-warn" },
  Unknown: { icon: "missing", look: "text-muted" },
};

export function HealthBadge({ status }: { status: HealthStatus }) {
  return <Mark {...HEALTH[status]} word={status} />;
}

export function SyncBadge({ sync }: { sync: Sync }) {
  return <Mark {...SYNC[sync]} word={sync} />;
}

function Mark({ icon, look, word }: { icon: IconName; look: string; word: string }) {
  return (
    <span lang="en" className={`inline-flex items-center gap-1 text-xs font-medium ${look}`}>
      <Icon name={icon} className="size-4" />
      {word}
    </span>
  );
}

/** The edge of a card says from afar how its content is. */
export const EDGE: Record<HealthStatus, string> = {
  Healthy: "border-l-good",
  Progressing: "border-l-info",
  Degraded: "border-l-bad",
  Suspended: "border-l-muted",
  Missing: "border-l-warn",
  Unknown: "border-l-muted",
};
