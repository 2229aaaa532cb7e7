"use client";

import type { ReactNode } from "react";
import { getOps } from "@/api/client";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import type { Drift, Ops } from "@/ops/status";
import { concerns } from "@/ops/tree";
import { useLoaded } from "@/state/loaded";
import { Notice } from "../Notice";
import { ProblemNotice } from "../ProblemNotice";
import { Waiting } from "../Waiting";
import { AppCards } from "./AppCards";
import { Concerns } from "./Concerns";
import { Deployments } from "./Deployments";
import { HealthBadge, SyncBadge } from "./marks";
import { Tree } from "./Tree";

/** ms between looks: the box reports every few seconds, an apply writes when it is done. */
const EVERY_MS = 5000;

export function OpsPage() {
  const { ops: words, result } = useMessages();
  const { value, problem, loading, again } = useLoaded(
    "ops",
    async (signal) => (await getOps(signal)) as Ops,
    () => EVERY_MS,
  );
  return (
    <div className="grid gap-6">
      <h1 className="text-2xl font-semibold tracking-tight">{words.heading}</h1>
      {problem && <ProblemNotice problem={problem} again={again} />}
      {loading && <Waiting label={result.loading} />}
      {value && <Environment ops={value} />}
    </div>
  );
}

function Environment({ ops }: { ops: Ops }) {
  const { ops: words } = useMessages();
  const { status } = ops;
  return (
    <>
      <Summary ops={ops} />
      <Concerns concerns={concerns(ops)} known={status !== null} />
      {status ? (
        <Tree stacks={status.stacks} />
      ) : (
        <Notice tone="info" icon="missing" heading={words.none} text={words.noneWhat} />
      )}
      <AppCards ops={ops} />
      {status?.deployments && <Deployments deployments={status.deployments} />}
    </>
  );
}

/** The environment in one line: is it what Git wants, does it work, what waits, what does it cost. */
function Summary({ ops }: { ops: Ops }) {
  const { ops: words } = useMessages();
  const format = useFormat();
  const { status, queue } = ops;
  return (
    <section
      aria-label={words.environment}
      className="grid grid-flow-dense grid-cols-2 gap-px overflow-hidden rounded-2xl border border-line bg-line md:grid-cols-4"
    >
      <Cell name={words.environment} wide>
        <span className="text-lg font-semibold">{ops.environment}</span>
        {status && (
          <span className="mt-1 flex flex-wrap gap-2">
            <HealthBadge status={status.health.status} />
            <SyncBadge sync={status.sync} />
          </span>
        )}
        {status?.drift && <DriftLine drift={status.drift} />}
      </Cell>
      <Cell name={words.revision}>
        <code className="font-mono text-lg font-semibold">{status?.revision?.slice(0, 10) ?? "–"}</code>
        {status && (
          <span className={`mt-1 block text-sm ${ops.status_stale ? "text-warn" : "text-muted"}`}>
            {ops.status_stale ? words.stale(format.ago(status.at)) : words.asOf(format.ago(status.at))}
          </span>
        )}
      </Cell>
      <Cell name={words.queue} wide>
        {queue ? (
          <dl className="grid grid-cols-[1fr_auto] gap-x-3 text-sm tabular-nums">
            <Line name={words.waiting} value={format.number(queue.waiting)} />
            <Line name={words.inFlight} value={format.number(queue.in_flight)} />
            <Line name={words.deadLetters} value={format.number(queue.dead_letters)} bad={queue.dead_letters > 0} />
          </dl>
        ) : (
          <span className="text-muted">–</span>
        )}
      </Cell>
      <Cell name={words.cost}>
        <span className="text-lg font-semibold tabular-nums">
          {ops.monthly_cost_usd === null ? "–" : format.money(ops.monthly_cost_usd)}
        </span>
      </Cell>
    </section>
  );
}

/** What was changed by hand, and how much was looked at to say so. */
function DriftLine({ drift }: { drift: Drift }) {
  const { ops: words } = useMessages();
  const format = useFormat();
  const count = drift.resources.filter((one) => !one.ignored).length;
  const { compared, resources } = drift.coverage;
  return (
    <p className="mt-1 text-sm">
      <span className={drift.drifted ? "text-warn" : ""}>
        {drift.drifted ? words.drifted(format.number(count)) : words.noDrift}
      </span>
      <span className="block text-xs text-muted">
        {words.coverage(format.number(compared), format.number(resources))}
        {words.driftAt(format.ago(drift.at))}
      </span>
    </p>
  );
}

/** `wide`: has a row of its own on a phone. */
function Cell({ name, wide = false, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={`bg-surface p-4 ${wide ? "col-span-2 md:col-span-1" : ""}`}>
      <h2 className="text-sm text-muted">{name}</h2>
      <div className="mt-1">{children}</div>
    </div>
  );
}

function Line({ name, value, bad = false }: { name: string; value: string; bad?: boolean }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className={`text-right font-medium ${bad ? "text-bad" : ""}`}>{value}</dd>
    </>
  );
}
