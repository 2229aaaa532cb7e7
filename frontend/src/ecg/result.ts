/** The result document (ecg-result/v1), taken apart once, with whatever a newer or half-written one lacks or adds. */
import { Problem } from "../api/problem";
import { doubtOf } from "./doubt";

export const BEAT_CLASSES = ["N", "S", "V", "F", "Q"] as const;
export type BeatClass = (typeof BEAT_CLASSES)[number];

export interface Beat {
  /** Seconds of the video. */
  time: number;
  kind: BeatClass;
  probability: number;
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

export interface Interval {
  name: string;
  value: number;
  unit: string;
  low?: number;
  high?: number;
}

export interface Result {
  notice: string;
  app: { name: string; version: string; device: string };
  duration: number;
  waveform: Waveform;
  beats: Beat[];
  rr: number[];
  heartRate: { mean: number; min: number; max: number } | null;
  rhythm: { label: string; probability: number | null } | null;
  signalQuality: number | null;
  readableShare: number | null;
  findings: string[];
  limits: string[];
  intervals: Interval[];
  /** Path of the annotated picture below this origin. */
  overlay: string | null;
}

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
    rhythm: rhythm(whole.rhythm),
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
  return [{ time, kind, probability: number(one.probability) ?? 0 }];
}

function heartRate(raw: Json | null): Result["heartRate"] {
  const mean = number(raw?.mean);
  return mean === null ? null : { mean, min: number(raw?.min) ?? mean, max: number(raw?.max) ?? mean };
}

function rhythm(raw: unknown): Result["rhythm"] {
  if (typeof raw === "string") return { label: raw, probability: null };
  const one = object(raw);
  const label = text(one?.label) ?? text(one?.class) ?? text(one?.name);
  return label ? { label, probability: number(one?.probability) } : null;
}

/** `{"qrs_ms": 92}`, `{"qt_ms": {"median": 380, "low": 360, "high": 400}}`: the unit is the name's last part. */
function intervals(raw: Json | null): Interval[] {
  return Object.entries(raw ?? {}).flatMap(([key, given]) => {
    const cut = key.lastIndexOf("_");
    const [name, unit] = cut > 0 ? [key.slice(0, cut), key.slice(cut + 1)] : [key, ""];
    const many = object(given);
    const value = number(given) ?? number(many?.median) ?? number(many?.mean) ?? number(many?.value);
    if (value === null) return [];
    const low = number(many?.low) ?? number(many?.min) ?? undefined;
    const high = number(many?.high) ?? number(many?.max) ?? undefined;
    return [{ name, unit, value, low, high }];
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
