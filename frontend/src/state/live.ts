/** One video, followed until nothing about it changes any more. */
import { useCallback, useEffect, useState } from "react";
import { getVideo } from "../api/client";
import { followVideo } from "../api/events";
import { asProblem, type Problem } from "../api/problem";
import { isFinal, type Video } from "../api/types";

export interface Live {
  video: Video | null;
  problem: Problem | null;
  again: () => void;
}

export function useLiveVideo(id: string): Live {
  const [video, setVideo] = useState<Video | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    const stop = new AbortController();
    const follow = async (): Promise<void> => {
      const first = await getVideo(id, stop.signal);
      setProblem(null);
      setVideo(first);
      if (!isFinal(first.state)) await followVideo(id, setVideo, stop.signal);
    };
    follow().catch((thrown: unknown) => {
      if (!stop.signal.aborted) setProblem(asProblem(thrown));
    });
    return () => stop.abort();
  }, [id, turn]);

  const again = useCallback(() => setTurn((count) => count + 1), []);
  useEffect(() => {
    window.addEventListener("online", again);
    return () => window.removeEventListener("online", again);
  }, [again]);
  return { video, problem, again };
}
