"use client";

import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import type { Deployment } from "@/ops/status";

/** The last deployments that the ledger knows, newest first. */
export function Deployments({ deployments }: { deployments: Deployment[] }) {
  const { ops: words } = useMessages();
  const format = useFormat();
  return (
    <section aria-labelledby="deployments" className="rounded-2xl border border-line bg-surface p-5">
      <h2 id="deployments" className="font-semibold">
        {words.deployments}
      </h2>
      <table className="mt-3 w-full text-sm">
        <thead className="text-left text-muted">
          <tr>
            <th className="pb-2 font-medium">{words.revision}</th>
            <th className="pb-2 font-medium">{words.outcome}</th>
            <th className="pb-2 text-right font-medium">{words.took}</th>
          </tr>
        </thead>
        <tbody className="divide-y divide-line border-t border-line">
          {deployments.map((one) => (
            <tr key={one.id}>
              <td className="py-2">
                <code className="font-mono">{one.commit?.slice(0, 10) ?? one.id}</code>{" "}
                <span className="text-muted">{format.ago(one.began)}</span>
              </td>
              <td lang="en">{one.outcome}</td>
              <td className="text-right tabular-nums">{one.seconds === null ? "–" : format.duration(one.seconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
