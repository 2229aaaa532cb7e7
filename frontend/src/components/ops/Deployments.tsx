"use client";

import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import type { Deployment, Outcome } from "@/ops/status";

const LOOKS: Record<Outcome, string> = {
  running: "bg-info-soft text-info",
  succeeded: "bg-good-soft text-good",
  failed: "bg-bad-soft text-bad",
  interrupted: "bg-warn-soft text-warn",
};

/** The last deployments that the ledger knows, newest first. */
export function Deployments({ deployments }: { deployments: Deployment[] }) {
  const { ops: words } = useMessages();
  return (
    <section aria-labelledby="deployments" className="min-w-0">
      <h2 id="deployments" className="font-semibold">
        {words.deployments}
      </h2>
      <ul aria-labelledby="deployments" className="mt-3 divide-y divide-line rounded-2xl border border-line bg-surface">
        {deployments.map((one) => (
          <Row key={one.id} deployment={one} />
        ))}
        {deployments.length === 0 && <li className="px-5 py-4 text-muted">{words.noDeployments}</li>}
      </ul>
    </section>
  );
}

/** One line where there is room, three on a phone; what went wrong stands below. */
function Row({ deployment }: { deployment: Deployment }) {
  const { ops: words } = useMessages();
  const format = useFormat();
  const { commit, id, began, seconds, outcome, who, changed = [], note, error } = deployment;
  return (
    <li className="grid grid-cols-[auto_1fr] items-baseline gap-x-4 gap-y-1.5 px-5 py-3 text-sm md:grid-cols-[6rem_6rem_minmax(0,1fr)_auto]">
      <span
        className={`justify-self-start rounded-full px-2.5 py-0.5 text-xs font-medium whitespace-nowrap ${LOOKS[outcome] ?? "bg-sunken text-muted"}`}
      >
        {words.outcomes[outcome] ?? outcome}
      </span>
      <code className="font-mono">{commit?.slice(0, 10) ?? id}</code>
      <span className="order-1 col-span-2 min-w-0 break-words md:order-none md:col-span-1">
        <span className="text-muted">{words.changed}</span>{" "}
        {changed.length ? <span lang="en">{changed.join(", ")}</span> : words.nothingChanged}
        {who && <span className="text-muted"> · {words.by(who)}</span>}
        {note && (
          <span lang="en" className="text-muted">
            {" "}
            · {note}
          </span>
        )}
      </span>
      <span className="col-span-2 text-muted tabular-nums md:col-span-1 md:text-right">
        {seconds !== null && (
          <>
            <span className="sr-only">{words.took} </span>
            {format.duration(seconds)} ·{" "}
          </>
        )}
        <time dateTime={began} title={format.date(began)}>
          {format.ago(began)}
        </time>
      </span>
      {error && (
        <p lang="en" className="order-2 col-span-2 break-words text-bad md:order-none md:col-span-2 md:col-start-3">
          {error.split("\n").slice(0, 2).join(" · ")}
        </p>
      )}
    </li>
  );
}
