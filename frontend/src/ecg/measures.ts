/** Numbers that the page works out of a result: intervals between beats, counts, what a caliper spans. */
import { BEAT_CLASSES, type Beat, type BeatClass } from "./result";

export interface RrStatistics {
  mean: number;
  min: number;
  max: number;
  /** Standard deviation of all intervals (HRV Task Force 1996), ms; needs two. */
  sdnn: number | null;
  /** Root mean square of successive differences (the same), ms; needs two. */
  rmssd: number | null;
}

/** Statistics of RR intervals in seconds, answered in ms; null where there are none. */
export function rrStatistics(rr: readonly number[]): RrStatistics | null {
  if (!rr.length) return null;
  const ms = rr.map((value) => value * 1000);
  const mean = sum(ms) / ms.length;
  const steps = ms.slice(1).map((value, at) => value - (ms[at] as number));
  return {
    mean,
    min: Math.min(...ms),
    max: Math.max(...ms),
    sdnn: ms.length > 1 ? Math.sqrt(sum(ms.map((value) => (value - mean) ** 2)) / (ms.length - 1)) : null,
    rmssd: steps.length ? Math.sqrt(sum(steps.map((step) => step ** 2)) / steps.length) : null,
  };
}

/** How many beats were answered with each class, in the classes' order, without those that have none. */
export function countClasses(beats: readonly Beat[]): [BeatClass, number][] {
  const answered = beats.filter((beat) => !beat.unsure);
  return BEAT_CLASSES.map((kind): [BeatClass, number] => [
    kind,
    answered.filter((beat) => beat.kind === kind).length,
  ]).filter(([, count]) => count > 0);
}

export interface TachogramPoint {
  /** ms. */
  rr: number;
  /** The beat that ends it. */
  beat: Beat;
}

/** Longest interval that is drawn; beyond it a stretch was not read, and no interval can be told. */
const LONGEST_S = 3;

/** An interval for each pair of neighbouring beats. */
export function tachogram(beats: readonly Beat[]): TachogramPoint[] {
  return beats.slice(1).flatMap((beat, at) => {
    const rr = beat.time - (beats[at] as Beat).time;
    return rr > 0 && rr <= LONGEST_S ? [{ rr: rr * 1000, beat }] : [];
  });
}

export interface Caliper {
  /** Seconds. */
  from: number;
  to: number;
  /** In the waveform's unit. */
  low: number;
  high: number;
}

export interface Measured {
  ms: number;
  /** Beats per minute, were this an RR interval. */
  bpm: number | null;
  amplitude: number;
}

export function measured(caliper: Caliper): Measured {
  const ms = Math.abs(caliper.to - caliper.from) * 1000;
  return { ms, bpm: ms >= 200 ? 60_000 / ms : null, amplitude: Math.abs(caliper.high - caliper.low) };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
