"use client";

import { useMessages } from "@/i18n/language";
import type { Concern } from "@/ops/tree";
import { tell } from "@/state/notices";
import { Button } from "../Button";
import { Icon } from "../Icon";

/** Each thing that is not as it should be, why, and what to run. */
export function Concerns({ concerns, known }: { concerns: Concern[]; known: boolean }) {
  const { ops: words } = useMessages();
  if (concerns.length === 0) {
    return known ? (
      <p className="flex items-center gap-2 rounded-2xl border border-line bg-good-soft px-5 py-4 font-medium text-good">
        <Icon name="check" /> {words.nothing}
      </p>
    ) : null;
  }
  return (
    <section aria-labelledby="attention" className="rounded-2xl border border-line bg-surface">
      <h2 id="attention" className="px-5 pt-4 font-semibold">
        {words.attention} <span className="text-muted">({concerns.length})</span>
      </h2>
      <ul className="mt-2 divide-y divide-line">
        {concerns.map((one) => (
          <li
            key={`${one.subject} ${one.cause}`}
            className="grid gap-x-4 gap-y-2 px-5 py-3 md:grid-cols-[10rem_minmax(0,1fr)_auto] md:items-center"
          >
            <span className={`flex items-center gap-2 font-medium ${one.severe ? "text-bad" : "text-warn"}`}>
              <Icon name={one.severe ? "warning" : "unsynced"} className="size-4" />
              {one.subject}
            </span>
            <span className="text-sm break-words" lang="en">
              {one.cause}
            </span>
            <span className="flex min-w-0 items-center gap-1">
              <code className="min-w-0 rounded-md bg-sunken px-2 py-1 font-mono text-xs break-all">{one.command}</code>
              <Copy text={one.command} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Copy({ text }: { text: string }) {
  const { ops: words } = useMessages();
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    tell(words.copied, { ms: 2000 });
  };
  return (
    <Button look="quiet" size="small" aria-label={`${words.copy}: ${text}`} onClick={() => void copy()}>
      {words.copy}
    </Button>
  );
}
