import { isFinal, type Video } from "@/api/types";

export const FILTERS = ["all", "running", "done", "failed"] as const;
export type Filter = (typeof FILTERS)[number];

export function passes({ state, name }: Video, filter: Filter, text: string): boolean {
  if (!name.toLowerCase().includes(text.trim().toLowerCase())) return false;
  return filter === "all" || (filter === "running" ? !isFinal(state) : state === filter);
}
