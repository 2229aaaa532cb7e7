/** What is asked of the API, as a component sees it: on its way, here, or wrong. */
import { useCallback, useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "../api/problem";

export interface Loaded<T> {
  value: T | null;
  /** Of the last try; what came before stays in `value`. */
  problem: Problem | null;
  loading: boolean;
  again: () => void;
}

/**
 * Load when mounted and whenever `key` changes; null loads nothing.
 *
 * `every`: ms between loads, told by what is there already; null asks no more.
 */
export function useLoaded<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  every: (value: T | null, problem: Problem | null) => number | null = () => null,
): Loaded<T> {
  const [state, setState] = useState<{ key: string | null; value: T | null; problem: Problem | null }>({
    key,
    value: null,
    problem: null,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef({ load, every });
  useEffect(() => {
    latest.current = { load, every };
  });

  useEffect(() => {
    if (key === null) return;
    const stop = new AbortController();
    let timer = 0;
    const go = async (before: T | null): Promise<void> => {
      let value = before;
      let problem: Problem | null = null;
      try {
        value = await latest.current.load(stop.signal);
      } catch (thrown) {
        if (stop.signal.aborted) return;
        problem = asProblem(thrown);
      }
      if (stop.signal.aborted) return;
      setState((old) => ({ key, value: value ?? (old.key === key ? old.value : null), problem }));
      const wait = latest.current.every(value, problem);
      if (wait !== null) timer = window.setTimeout(() => void go(value), wait);
    };
    void go(null);
    const online = (): void => setTurn((count) => count + 1);
    window.addEventListener("online", online);
    return () => {
      stop.abort();
      window.clearTimeout(timer);
      window.removeEventListener("online", online);
    };
  }, [key, turn]);

  const again = useCallback(() => setTurn((count) => count + 1), []);
  const mine = state.key === key ? state : { value: null, problem: null };
  return { value: mine.value, problem: mine.problem, loading: mine.value === null && mine.problem === null, again };
}
