"use client";

import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import type { Stack } from "@/ops/status";
import { type Wave, waves } from "@/ops/tree";
import { EDGE, HealthBadge, SyncBadge } from "./marks";

/** Stacks from left to right in the order in which an apply reaches them; each can be opened to what it holds. */
export function Tree({ stacks }: { stacks: Stack[] }) {
  const { ops: words } = useMessages();
  return (
    <section aria-labelledby="tree" className="min-w-0">
      <h2 id="tree" className="font-semibold">
        {words.tree}
      </h2>
      <div className="mt-3 overflow-x-auto pb-2" tabIndex={0} role="group" aria-labelledby="tree">
        <ol className="grid items-stretch gap-4 md:flex md:min-w-0 md:gap-0">
          {waves(stacks).map((wave, at) => (
            <Column key={String(wave.number)} wave={wave} first={at === 0} />
          ))}
        </ol>
      </div>
    </section>
  );
}

function Column({ wave, first }: { wave: Wave; first: boolean }) {
  const { ops: words } = useMessages();
  const format = useFormat();
  return (
    <li className="flex flex-1 md:min-w-36">
      {!first && <span className="mt-12 hidden h-0 w-3 shrink-0 border-t-2 border-line md:block" aria-hidden="true" />}
      <div className="min-w-0 flex-1">
        <h3 className="pb-2 text-sm text-muted">
          {wave.number === null ? words.unwanted : words.wave(format.number(wave.number))}
        </h3>
        <ul className="grid gap-2">
          {wave.stacks.map((stack) => (
            <li key={stack.name}>
              <StackCard stack={stack} />
            </li>
          ))}
        </ul>
      </div>
    </li>
  );
}

function StackCard({ stack }: { stack: Stack }) {
  const { ops: words } = useMessages();
  const format = useFormat();
  const { health, drift } = stack;
  return (
    <article className={`rounded-xl border border-l-4 border-line bg-surface p-3 ${EDGE[health.status]}`}>
      <h4 className="truncate font-medium">{stack.name}</h4>
      <p className="mt-1 flex flex-wrap gap-x-3">
        <HealthBadge status={health.status} />
        <SyncBadge sync={stack.sync} />
      </p>
      {health.status !== "Healthy" && health.reason && (
        <p className="mt-1 text-xs break-words text-muted" lang="en">
          {health.reason}
        </p>
      )}
      {stack.differences.map((difference) => (
        <p key={difference} className="mt-1 text-xs break-words text-warn" lang="en">
          {difference}
        </p>
      ))}
      {drift && (
        <p className={`mt-1 text-xs ${drift.status === "DRIFTED" ? "text-warn" : "text-muted"}`}>
          {words.drift}: <span lang="en">{drift.status}</span> {drift.at && words.driftAt(format.ago(drift.at))}
        </p>
      )}
      {stack.changed && (
        <p className="mt-1 text-xs text-muted">
          {words.changed} {format.ago(stack.changed)}
        </p>
      )}
      {stack.resources.length > 0 && (
        <details className="mt-2 text-xs">
          <summary className="text-muted">{words.resources(format.number(stack.resources.length))}</summary>
          <ul className="mt-1 grid gap-1">
            {stack.resources.map((one) => (
              <li key={one.name} className="flex flex-wrap items-center gap-x-2">
                <HealthBadge status={one.health.status} />
                <span className="min-w-0 break-all">{one.name}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </article>
  );
}
