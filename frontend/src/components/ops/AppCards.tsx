"use client";

import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import type { App, BoxReport, Canary, Ops } from "@/ops/status";
import { canaryPace } from "@/ops/tree";
import { Progress } from "../Progress";
import { EDGE, HealthBadge, SyncBadge } from "./marks";

/** What the GPU box runs: each Serve app with its version, its replicas and a canary under way. */
export function AppCards({ ops }: { ops: Ops }) {
  const { ops: words } = useMessages();
  const format = useFormat();
  const { box, status } = ops;
  const apps = status?.apps ?? [];
  if (!box && apps.length === 0) return null;
  return (
    <section aria-labelledby="apps">
      <div className="flex flex-wrap items-baseline gap-x-4">
        <h2 id="apps" className="font-semibold">
          {words.apps}
        </h2>
        {box?.updated_at && (
          <p className={`text-sm ${ops.box_stale ? "text-warn" : "text-muted"}`}>
            {words.box}: {ops.box_stale ? words.stale(format.ago(box.updated_at)) : words.asOf(format.ago(box.updated_at))}
          </p>
        )}
      </div>
      <ul className="mt-3 grid gap-3 md:grid-cols-2">
        {apps.map((app) => (
          <li key={app.name}>
            <AppCard app={app} runs={box?.apps[app.name]} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function AppCard({ app, runs }: { app: App; runs: BoxReport["apps"][string] | undefined }) {
  const { ops: words } = useMessages();
  return (
    <article className={`rounded-xl border border-l-4 border-line bg-surface p-4 ${EDGE[app.health.status]}`}>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h3 className="mr-auto font-medium">{app.name}</h3>
        <HealthBadge status={app.health.status} />
        <SyncBadge sync={app.sync} />
      </div>
      {app.health.reason && app.health.status !== "Healthy" && (
        <p className="mt-1 text-sm break-words text-muted" lang="en">
          {app.health.reason}
        </p>
      )}
      <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 text-sm">
        <dt className="text-muted">{words.version}</dt>
        <dd>
          <code className="font-mono">{app.version.slice(0, 12) || "–"}</code>
        </dd>
        {Object.entries(runs?.deployments ?? {}).map(([name, deployment]) => (
          <Replicas key={name} name={name} replicas={deployment.replicas} />
        ))}
      </dl>
      {runs?.canary && <CanaryProgress canary={runs.canary} />}
    </article>
  );
}

function Replicas({ name, replicas }: { name: string; replicas: Record<string, number> }) {
  return (
    <>
      <dt className="truncate text-muted">{name}</dt>
      <dd lang="en" className="tabular-nums">
        {Object.entries(replicas)
          .map(([state, count]) => `${count} ${state.toLowerCase()}`)
          .join(", ") || "–"}
      </dd>
    </>
  );
}

function CanaryProgress({ canary }: { canary: Canary }) {
  const { ops: words } = useMessages();
  const format = useFormat();
  const bad = canary.errors + canary.mismatches;
  const pace = canaryPace(canary);
  return (
    <div className="mt-3 rounded-lg bg-sunken p-3 text-sm">
      <p className="flex flex-wrap gap-x-3">
        <b className="font-medium">
          {words.canary} {format.percent(canary.percent / 100)}
        </b>
        <code className="font-mono">{canary.version?.slice(0, 12)}</code>
        <span lang="en">{canary.verdict}</span>
      </p>
      <div className="my-2">
        <Progress label={words.canary} value={elapsed(canary)} />
      </div>
      <p className={bad > 0 ? "text-warn" : "text-muted"}>
        {words.canaryProgress(format.number(canary.requests), format.number(bad))}
        {pace !== null && ` · ${words.pace(format.number(pace, 1))}`}
      </p>
    </div>
  );
}

/** Share of its time that a trial has behind it; 1 once it is over. */
function elapsed({ since, until }: Canary): number {
  if (!until) return 1;
  const [from, to] = [Date.parse(since), Date.parse(until)];
  return to > from ? Math.min(1, Math.max(0, (Date.now() - from) / (to - from))) : 0;
}
