"use client";

import type { JobState } from "@/api/types";
import { useMessages } from "@/i18n/language";

const LOOKS: Record<JobState, string> = {
  created: "bg-sunken text-muted",
  uploading: "bg-info-soft text-info",
  queued: "bg-info-soft text-info",
  analysing: "bg-accent-soft text-accent",
  done: "bg-good-soft text-good",
  failed: "bg-bad-soft text-bad",
  deleted: "bg-sunken text-muted",
};

export function StateBadge({ state }: { state: JobState }) {
  const { state: words } = useMessages();
  return (
    <span className={`inline-flex rounded-full px-2.5 py-0.5 text-xs font-medium whitespace-nowrap ${LOOKS[state]}`}>
      {words[state]}
    </span>
  );
}
