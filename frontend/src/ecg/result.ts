/** The result document (ecg-result/v1), taken apart once, with whatever a newer or half-written one lacks or adds. */
import { Problem } from "../api/problem";
import { doubtOf } from "./doubt";

export const BEAT_CLASSES = ["N", "S", "V", "F", "Q"] as const;
export type BeatClass = (typeof BEAT_CLASSES)[number];

export interface Beat {
  /** Seconds of the video. */
  time: number;
  /** The likeliest class. */
  kind: BeatClass;
  probability: number;
  /** Why the class is not the answer; null where it is. */
  unsure: string | null;
}

/** Samples in typed arrays: half an hour at 360 Hz has to be drawn while a finger moves. */
export interface Waveform {
  rate: number;
  start: number;
  unit: string;
  calibrated: boolean;
  /** NaN where nothing could be read. */
  samples: Float32Array;
  confidence: Float32Array;
  /** 1 where the reading is doubtful. */
  doubtful: Uint8Array;
}

/** One measure: a value, or the reason why there is none. */
export interface Interval {
  name: string;
  value: number | null;
  unit: string;
  /** Least and largest of the values. */
  range?: [number, number];
  /** Interquartile range. */
  spread: number | null;
  reason: string | null;
  definition: string;
}

export interface Rhythm {
  /** The likeliest; null where there was nothing to judge. */
  name: string | null;
  probability: number | null;
  /** Why it is not the answer; null where it is. */
  unsure: string | null;
}

export interface Result {
  notice: string;
  app: { name: string; version: string; device: string };
  duration: number;
  waveform: Waveform;
  beats: Beat[];
  rr: number[];
  heartRate: { mean: number; min: number; max: number } | null;
  rhythm: Rhythm | null;
  signalQuality: number | null;
  readableShare: number | null;
  findings: string[];
  limits: string[];
  intervals: Interval[];
  /** Path of the annotated picture below this origin. */
  overlay: string | null;
}

/** The answer of a reader that withholds one. */
export const NOT_SURE = "not_sure";

type Json = Record<string, unknown>;

/** Read a document. Throws Problem (`unreadable`) where it has no waveform to show. */
export function readResult(document: unknown): Result {
  const whole = object(document);
  const wave = object(whole?.waveform);
  if (!whole || !wave || !Array.isArray(wave.samples) || !positive(wave.sampling_rate_hz)) {
    throw new Problem("unreadable", { detail: typeof whole?.schema === "string" ? whole.schema : undefined });
  }
  const app = object(whole.app);
  const quality = object(whole.quality);
  const samples = floats(wave.samples);
  const confidence = Array.isArray(wave.confidence)
    ? floats(wave.confidence)
    : new Float32Array(samples.length).fill(1);
  const start = number(wave.start_s) ?? 0;
  const rate = wave.sampling_rate_hz as number;
  return {
    notice: text(whole.notice) ?? "",
    app: { name: text(app?.name) ?? "", version: text(app?.version) ?? "", device: text(app?.device) ?? "" },
    duration: Math.max(number(object(whole.video)?.duration_s) ?? 0, start + samples.length / rate),
    waveform: {
      rate,
      start,
      unit: text(wave.unit) ?? "",
      calibrated: wave.amplitude_calibrated === true,
      samples,
      confidence,
      doubtful: doubtOf(samples, confidence, rate),
    },
    beats: list(whole.beats).flatMap(beat),
    rr: list(whole.rr_s).filter((value) => typeof value === "number"),
    heartRate: heartRate(object(whole.heart_rate_bpm)),
    rhythm: rhythm(object(whole.rhythm)),
    signalQuality: number(quality?.signal_quality),
    readableShare: number(quality?.readable_share),
    findings: list(whole.findings).map(words).filter(Boolean),
    limits: list(whole.limits).map(words).filter(Boolean),
    intervals: intervals(object(whole.intervals)),
    overlay: text(object(whole.overlay)?.key) ? `/${text(object(whole.overlay)?.key)}` : null,
  };
}

function beat(raw: unknown): Beat[] {
  const one = object(raw);
  const time = number(one?.time_s);
  if (!one || time === null) return [];
  const kind = BEAT_CLASSES.find((known) => known === one.class) ?? "Q";
  return [{ time, kind, probability: number(one.probability) ?? 0, unsure: unsure(one) }];
}

/** Why the likeliest is not the answer; results from before there was an answer had none to withhold. */
const unsure = (one: Json): string | null => (one.answer === NOT_SURE ? (text(one.reason) ?? NOT_SURE) : null);

function heartRate(raw: Json | null): Result["heartRate"] {
  const mean = number(raw?.mean);
  return mean === null ? null : { mean, min: number(raw?.min) ?? mean, max: number(raw?.max) ?? mean };
}

function rhythm(raw: Json | null): Rhythm | null {
  if (!raw) return null;
  const name = text(raw.likeliest);
  return { name, probability: name ? number(object(raw.probabilities)?.[name]) : null, unsure: unsure(raw) };
}

function intervals(raw: Json | null): Interval[] {
  return Object.entries(raw ?? {}).flatMap(([name, given]) => {
    const one = object(given);
    const [value, reason] = [number(one?.value), text(one?.reason)];
    if (!one || (value === null && !reason)) return [];
    const [unit, definition] = [text(one.unit) ?? "", text(one.definition) ?? ""];
    return [{ name, value, unit, spread: number(one.spread), reason, definition }];
  });
}

const words = (raw: unknown): string =>
  typeof raw === "string" ? raw : (text(object(raw)?.code) ?? text(object(raw)?.message) ?? "");

const object = (raw: unknown): Json | null =>
  typeof raw === "object" && raw !== null && !Array.isArray(raw) ? (raw as Json) : null;
const list = (raw: unknown): unknown[] => (Array.isArray(raw) ? raw : []);
const text = (raw: unknown): string | null => (typeof raw === "string" && raw ? raw : null);
const number = (raw: unknown): number | null => (typeof raw === "number" && Number.isFinite(raw) ? raw : null);
const positive = (raw: unknown): boolean => typeof raw === "number" && raw > 0;
const floats = (raw: unknown[]): Float32Array =>
  Float32Array.from(raw, (value) => (typeof value === "number" ? value : NaN));
