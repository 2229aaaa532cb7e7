/** Server-sent events over fetch: EventSource cannot send the token. */
import { asProblem, problemOf } from "./problem";
import { ask, videoPath } from "./client";
import { isFinal, type Video } from "./types";

export interface ServerEvent {
  name: string;
  data: string;
}

/** Splits a stream of text into events, whatever the pieces in which it comes (WHATWG HTML, section 9.2). */
export class EventReader {
  private rest = "";

  /** The events that `piece` completes. */
  push(piece: string): ServerEvent[] {
    const blocks = (this.rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(eventOf).filter((event) => event !== null);
  }
}

function eventOf(block: string): ServerEvent | null {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") name = value;
    if (field === "data") data.push(value);
  }
  return data.length ? { name, data: data.join("\n") } : null;
}

const RETRY_MS = [1000, 2000, 4000, 8000];

/** Follow a video until it is done, has failed or is gone; connects again by itself. Throws Problem where that is no use. */
export async function followVideo(id: string, show: (video: Video) => void, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const video of videoEvents(id, signal)) {
        failures = 0;
        show(video);
        if (isFinal(video.state)) return;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const problem = asProblem(thrown);
      failures += 1;
      if (!problem.passing || failures > RETRY_MS.length) throw problem;
    }
    await pause(RETRY_MS[Math.max(0, failures - 1)] ?? 1000, signal);
  }
}

async function* videoEvents(id: string, signal: AbortSignal): AsyncGenerator<Video> {
  const answer = await ask(`${videoPath(id)}/events`, { Accept: "text/event-stream" }, { signal });
  if (!answer.ok || !answer.body) throw await problemOf(answer);
  const reader = new EventReader();
  const text = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await text.read();
    if (done) return;
    for (const event of reader.push(value)) yield JSON.parse(event.data) as Video;
  }
}

/** Wait, or stop waiting where `signal` says so. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}
