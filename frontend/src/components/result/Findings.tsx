"use client";

import type { Result } from "@/ecg/result";
import { useMessages } from "@/i18n/language";
import { Panel } from "./Panel";

/** What was found, and what this reading cannot tell. */
export function Findings({ result }: { result: Result }) {
  const { result: words } = useMessages();
  const { findings, limits, waveform, app } = result;
  return (
    <Panel heading={words.findings}>
      {findings.length === 0 && <p className="text-muted">{words.noFindings}</p>}
      <ul className="grid gap-1">
        {findings.map((finding) => (
          <li key={finding} className="font-medium text-warn">
            {words.finding[finding] ?? finding}
          </li>
        ))}
      </ul>
      <h3 className="mt-4 text-sm font-semibold">{words.limits}</h3>
      <ul className="mt-1 list-disc pl-5 text-sm text-muted">
        {!waveform.calibrated && <li className="font-medium text-warn">{words.uncalibrated}</li>}
        {limits.map((limit) => (
          <li key={limit} lang="en">
            {limit}
          </li>
        ))}
      </ul>
      <p className="mt-4 text-xs text-muted">
        {words.madeBy} {app.name} <code className="font-mono">{app.version.slice(0, 12)}</code> {app.device}
      </p>
    </Panel>
  );
}
