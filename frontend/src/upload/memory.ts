/** Uploads that broke off, so that choosing the same file again goes on where it stopped. */
import type { CreatedVideo, UploadedPart } from "../api/types";

const KEY = "uploads";

export interface Kept {
  created: CreatedVideo;
  parts: UploadedPart[];
}

/** What tells a file from another without reading it. */
export const fingerprint = (file: File): string => `${file.name}|${file.size}|${file.lastModified}`;

/** An unfinished upload of this file whose addresses are good for a minute more at least. */
export function recall(file: File, now = Date.now()): Kept | null {
  const kept = all()[fingerprint(file)];
  return kept && Date.parse(kept.created.upload.expires_at) - now > 60_000 ? kept : null;
}

export function remember(file: File, kept: Kept): void {
  save({ ...all(), [fingerprint(file)]: kept });
}

export function forget(file: File): void {
  const kept = all();
  delete kept[fingerprint(file)];
  save(kept);
}

function all(): Record<string, Kept> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, Kept>;
  } catch {
    return {};
  }
}

function save(kept: Record<string, Kept>): void {
  const good = Object.entries(kept).filter(([, one]) => Date.parse(one.created.upload.expires_at) > Date.now());
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(good)));
  } catch {
    // A full or forbidden store costs the resuming, not the upload.
  }
}
