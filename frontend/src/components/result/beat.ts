/** What is said of one beat. */
import type { Beat } from "@/ecg/result";
import type { Messages } from "@/i18n/en";

/** Its class, or that the class is in doubt and why: never the likeliest alone. */
export function beatWords({ kind, unsure }: Beat, words: Messages["result"]): string {
  if (!unsure) return words.beatClass[kind];
  return `${words.notSure}: ${words.reason[unsure] ?? unsure.replaceAll("_", " ")}`;
}
