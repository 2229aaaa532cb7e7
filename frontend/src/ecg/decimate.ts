/** Fewer points for the eye, the same picture: every column of pixels keeps its lowest and its highest sample. */
import type { Waveform } from "./result";

export interface Drawn {
  /** Seconds. */
  x: number[];
  /** Where the reading is sure; null elsewhere. */
  sure: (number | null)[];
  /** Where it is doubtful. */
  doubtful: (number | null)[];
}

/**
 * What to draw of `wave` between `from` and `to` (seconds) on `columns` columns of pixels.
 *
 * Minimum and maximum of a column stand in the order in which they come, so that lines run as the signal does. A gap
 * within a column breaks the line: nothing is drawn where nothing was read.
 */
export function decimate(wave: Waveform, from: number, to: number, columns: number): Drawn {
  const first = Math.max(0, Math.floor((from - wave.start) * wave.rate) - 1);
  const last = Math.min(wave.samples.length, Math.ceil((to - wave.start) * wave.rate) + 2);
  const drawn: Drawn = { x: [], sure: [], doubtful: [] };
  const perColumn = Math.max(1, Math.floor((last - first) / Math.max(1, columns)));
  let before: Certainty = "gap";
  for (let at = first; at < last; at += perColumn) {
    before = column(wave, at, Math.min(last, at + perColumn), before, drawn);
  }
  return drawn;
}

type Certainty = "gap" | "sure" | "doubtful";

function column(wave: Waveform, from: number, to: number, before: Certainty, drawn: Drawn): Certainty {
  let low = -1;
  let high = -1;
  let gap = false;
  let doubt = false;
  for (let at = from; at < to; at += 1) {
    const value = wave.samples[at] as number;
    if (Number.isNaN(value)) {
      gap = true;
      continue;
    }
    if (low < 0 || value < (wave.samples[low] as number)) low = at;
    if (high < 0 || value > (wave.samples[high] as number)) high = at;
    if (wave.doubtful[at]) doubt = true;
  }
  if (low >= 0) {
    const kind: Certainty = doubt ? "doubtful" : "sure";
    // Where certainty changes, both lines share the first point: no hole opens between them.
    const joined = before !== "gap" && before !== kind;
    const [one, two] = low <= high ? [low, high] : [high, low];
    put(wave, one, kind, joined, drawn);
    if (two !== one) put(wave, two, kind, false, drawn);
    if (!gap) return kind;
  }
  drawn.x.push(wave.start + (to - 0.5) / wave.rate);
  drawn.sure.push(null);
  drawn.doubtful.push(null);
  return "gap";
}

function put(wave: Waveform, at: number, kind: Certainty, joined: boolean, drawn: Drawn): void {
  const value = wave.samples[at] as number;
  drawn.x.push(wave.start + at / wave.rate);
  drawn.sure.push(kind === "sure" || joined ? value : null);
  drawn.doubtful.push(kind === "doubtful" || joined ? value : null);
}

export interface Stretch {
  from: number;
  to: number;
}

/** Stretches of time (seconds) in which `so` holds for every sample, at least `least` seconds long. */
function stretches(wave: Waveform, so: (at: number) => boolean, least: number): Stretch[] {
  const found: Stretch[] = [];
  let begun = -1;
  for (let at = 0; at <= wave.samples.length; at += 1) {
    const holds = at < wave.samples.length && so(at);
    if (holds && begun < 0) begun = at;
    if (!holds && begun >= 0) {
      if ((at - begun) / wave.rate >= least) {
        found.push({ from: wave.start + begun / wave.rate, to: wave.start + at / wave.rate });
      }
      begun = -1;
    }
  }
  return found;
}

/** Where nothing could be read. Single lost samples are not worth a mark. */
export const gapsOf = (wave: Waveform): Stretch[] =>
  stretches(wave, (at) => Number.isNaN(wave.samples[at] as number), 0.02);

/** Where the reading is doubtful, for long enough to be seen. */
export const doubtsOf = (wave: Waveform): Stretch[] =>
  stretches(wave, (at) => wave.doubtful[at] === 1, 0.08);

/** Lowest and highest value of the whole recording; [-1, 1] where there is none. */
export function extremes(wave: Waveform): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of wave.samples) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [-1, 1];
}
