/** The list of videos: asked again while something in it moves, and hiding what is about to be deleted. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { deleteVideo, listVideos } from "../api/client";
import type { Problem } from "../api/problem";
import { isFinal, type Video } from "../api/types";
import { finished } from "../upload/uploads";
import { useLoaded } from "./loaded";

/** ms between looks, while something is being read and while nothing is. */
const BUSY_MS = 1500;
const IDLE_MS = 20_000;

export interface Videos {
  videos: Video[];
  problem: Problem | null;
  loading: boolean;
  again: () => void;
  /** Asks for older videos; null where there are none. */
  more: (() => void) | null;
  /** Hide a video; nothing is deleted yet. */
  hide: (id: string) => void;
  restore: (id: string) => void;
}

export function useVideos(): Videos {
  const [pages, setPages] = useState(1);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const { value, problem, loading, again } = useLoaded(
    `videos ${pages}`,
    (signal) => firstPages(pages, signal),
    (list) => (list?.videos.some((video) => !isFinal(video.state)) ? BUSY_MS : IDLE_MS),
  );
  useEffect(() => finished.subscribe(again), [again]);
  const videos = useMemo(() => (value?.videos ?? []).filter((video) => !hidden.has(video.id)), [value, hidden]);
  const hide = useCallback((id: string) => setHidden((before) => new Set(before).add(id)), []);
  const restore = useCallback(
    (id: string) => setHidden((before) => new Set([...before].filter((one) => one !== id))),
    [],
  );
  const older = (): void => setPages((count) => count + 1);
  return { videos, problem, loading, again, more: value?.cursor ? older : null, hide, restore };
}

async function firstPages(count: number, signal: AbortSignal): Promise<{ videos: Video[]; cursor: string | null }> {
  const videos: Video[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < count; page += 1) {
    const list: Awaited<ReturnType<typeof listVideos>> = await listVideos(cursor, signal);
    videos.push(...list.videos);
    cursor = list.next_cursor ?? null;
    if (!cursor) break;
  }
  return { videos, cursor };
}

const doomed = new Map<string, () => void>();

/** Delete once `undo` can no longer come; at once if the page is left before that. */
export function deleteLater(id: string, failed: () => void): { now: () => void; undo: () => void } {
  const now = (): void => {
    if (doomed.delete(id)) deleteVideo(id).catch(failed);
  };
  doomed.set(id, now);
  return { now, undo: () => void doomed.delete(id) };
}

if (typeof window !== "undefined") {
  window.addEventListener("pagehide", () => {
    for (const now of [...doomed.values()]) now();
  });
}
