/** The uploads of this tab, outside React: they go on while the page shows something else. */
import { completeVideo, createVideo } from "../api/client";
import { pause } from "../api/events";
import { asProblem, type Problem } from "../api/problem";
import { Store } from "../state/store";
import { contentType, unfit, type Unfit } from "./files";
import { forget, recall, remember } from "./memory";
import { putWithProgress } from "./put";
import { transfer } from "./transfer";

export interface Upload {
  key: number;
  file: File;
  state: "waiting" | "sending" | "finishing" | "done" | "failed" | "unfit";
  sent: number;
  problem: Problem | null;
  unfit: Unfit | null;
  /** Once the API knows it. */
  id: string | null;
  /** Chosen by itself, while nothing else was under way. */
  alone: boolean;
  stop: AbortController;
}

/** Files that are sent at a time; each sends its parts side by side. */
const AT_A_TIME = 2;

export const uploads = new Store<readonly Upload[]>([]);
/** How many uploads this tab has finished: who lists videos looks again. */
export const finished = new Store(0);
let next = 1;

/** Queue files; those that cannot be right say why at once. */
export function add(files: Iterable<File>, app?: string): void {
  const chosen = Array.from(files);
  const alone = chosen.length === 1 && uploads.value.length === 0;
  const added = chosen.map((file): Upload => {
    const why = unfit(file);
    return {
      key: next++,
      file,
      state: why ? "unfit" : "waiting",
      sent: 0,
      problem: null,
      unfit: why,
      id: null,
      alone,
      stop: new AbortController(),
    };
  });
  uploads.update((before) => [...before, ...added]);
  go(app);
}

export function retry(key: number, app?: string): void {
  change(key, { state: "waiting", problem: null, stop: new AbortController() });
  go(app);
}

/** Stop an upload, or put away what has failed. */
export function remove(key: number): void {
  const upload = uploads.value.find((one) => one.key === key);
  upload?.stop.abort();
  if (upload) forget(upload.file);
  uploads.update((before) => before.filter((one) => one.key !== key));
}

function go(app?: string): void {
  const busy = uploads.value.filter((one) => one.state === "sending" || one.state === "finishing").length;
  for (const upload of uploads.value.filter((one) => one.state === "waiting").slice(0, Math.max(0, AT_A_TIME - busy))) {
    void send(upload, app).finally(() => go(app));
  }
}

async function send({ key, file, stop: { signal } }: Upload, app?: string): Promise<void> {
  change(key, { state: "sending" });
  try {
    const kept = recall(file);
    const created =
      kept?.created ??
      (await createVideo(
        { name: file.name, size: file.size, content_type: contentType(file) ?? "", ...(app ? { app } : {}) },
        signal,
      ));
    change(key, { id: created.id });
    remember(file, { created, parts: kept?.parts ?? [] });
    const parts = await transfer(
      file,
      created.upload,
      kept?.parts ?? [],
      (sent) => change(key, { sent }),
      {
        put: putWithProgress,
        wait: pause,
        remember: (done) => remember(file, { created, parts: done }),
      },
      signal,
    );
    change(key, { state: "finishing", sent: file.size });
    await completeVideo(created.id, parts, signal);
    forget(file);
    change(key, { state: "done" });
    finished.update((count) => count + 1);
  } catch (thrown) {
    if (signal.aborted) return;
    const problem = asProblem(thrown);
    // What S3 or the API refuses will be refused again: the next try begins anew.
    if (!problem.passing) forget(file);
    change(key, { state: "failed", problem });
  }
}

function change(key: number, to: Partial<Upload>): void {
  uploads.update((before) => before.map((one) => (one.key === key ? { ...one, ...to } : one)));
}
