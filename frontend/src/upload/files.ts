/** What may be uploaded, judged before a byte is sent. */

const TYPES: Record<string, string> = { mp4: "video/mp4", mov: "video/quicktime", m4v: "video/x-m4v" };
export const ACCEPT = "video/mp4,video/quicktime,video/x-m4v,.mp4,.mov,.m4v";
const MOST_BYTES = 2 * 1024 ** 3;

export type Unfit = "type" | "empty" | "large";

/** The content type to announce; phones leave it empty now and then, so the name's ending counts too. */
export function contentType(file: { name: string; type: string }): string | null {
  if (Object.values(TYPES).includes(file.type)) return file.type;
  return TYPES[file.name.split(".").at(-1)?.toLowerCase() ?? ""] ?? null;
}

/** Why a file cannot be uploaded, or null. */
export function unfit(file: { name: string; type: string; size: number }): Unfit | null {
  if (!contentType(file)) return "type";
  if (!file.size) return "empty";
  return file.size > MOST_BYTES ? "large" : null;
}
