/** One file to S3: whole or in parts, several at a time, again where it failed, and on from where it broke off. */
import { Problem } from "../api/problem";
import type { CreatedVideo, UploadedPart } from "../api/types";

/** PUTs `body`; tells how many bytes are gone; the answer's ETag. Throws Problem, or AbortError. */
export type Put = (
  url: string,
  body: Blob,
  headers: Record<string, string>,
  sent: (bytes: number) => void,
  signal: AbortSignal,
) => Promise<string>;

export interface TransferPorts {
  put: Put;
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Called after each part, so that a broken upload can go on. */
  remember: (parts: UploadedPart[]) => void;
}

/** Pauses before a request is sent again. */
export const RETRY_MS = [500, 1500, 4000, 9000];
const SIDE_BY_SIDE = 3;

/**
 * Send `file` where `created` says; the parts to complete it with, or null where it was one PUT.
 *
 * `done`: parts that an earlier try has sent. `progress` hears bytes. Throws Problem, or AbortError.
 */
export async function transfer(
  file: Blob,
  upload: CreatedVideo["upload"],
  done: readonly UploadedPart[],
  progress: (bytes: number) => void,
  ports: TransferPorts,
  signal: AbortSignal,
): Promise<UploadedPart[] | null> {
  if (upload.kind === "single") {
    await again(() => ports.put(upload.url, file, upload.headers, progress, signal), ports, signal);
    return null;
  }
  const sent = new Map<number, number>();
  const finished = [...done];
  const open = upload.parts.filter((part) => !done.some((one) => one.number === part.number));
  for (const part of upload.parts) {
    if (!open.includes(part)) sent.set(part.number, part.size);
  }
  const tell = (number: number, bytes: number): void => {
    sent.set(number, bytes);
    progress([...sent.values()].reduce((total, one) => total + one, 0));
  };
  const worker = async (): Promise<void> => {
    for (let part = open.shift(); part; part = open.shift()) {
      const { number, size, url } = part;
      const from = (number - 1) * upload.part_size;
      const body = file.slice(from, from + size);
      const etag = await again(
        () => ports.put(url, body, {}, (bytes) => tell(number, bytes), signal),
        ports,
        signal,
      );
      finished.push({ number, etag });
      ports.remember([...finished]);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
  return finished.sort((one, other) => one.number - other.number);
}

async function again<T>(attempt: () => Promise<T>, ports: TransferPorts, signal: AbortSignal): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (thrown) {
      const pause = RETRY_MS[tries];
      if (signal.aborted || !(thrown instanceof Problem) || !thrown.passing || pause === undefined) throw thrown;
      await ports.wait(pause, signal);
      signal.throwIfAborted();
    }
  }
}
