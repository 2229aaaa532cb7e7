/** Which part of a recording is on the screen, in the units of ECG paper. */

/** CSS defines a millimetre as 96 / 25.4 pixels; screens hold that only nearly. */
export const PX_PER_MM = 96 / 25.4;

export const SPEEDS = [25, 50] as const;
/** mm per second. */
export type Speed = (typeof SPEEDS)[number];

export const GAINS = [5, 10, 20] as const;
/** mm per mV. */
export type Gain = (typeof GAINS)[number];

export interface Viewport {
  /** Seconds at the left edge. */
  from: number;
  /** Seconds from edge to edge. */
  span: number;
}

/** Seconds that `width` pixels of paper hold at `speed`. */
export const paperSpan = (width: number, speed: Speed): number => width / (PX_PER_MM * speed);

/** Shortest span that can be zoomed to. */
const LEAST_S = 0.5;

/** The same viewport, within [0, duration]. A recording shorter than the paper begins at its left edge. */
export function within({ from, span }: Viewport, duration: number): Viewport {
  return { from: Math.min(Math.max(0, from), Math.max(0, duration - span)), span };
}

/** Zoom by `factor` (below 1 goes closer) so that the second under the pointer stays there. */
export function zoomed(view: Viewport, factor: number, at: number, duration: number): Viewport {
  const span = Math.min(Math.max(view.span * factor, LEAST_S), Math.max(duration, LEAST_S));
  return within({ from: at - ((at - view.from) / view.span) * span, span }, duration);
}

/** Move so that `time` is in view: a playhead that runs out at the right continues at the left of a new page. */
export function following(view: Viewport, time: number, duration: number): Viewport {
  if (time >= view.from && time <= view.from + view.span) return view;
  return within({ from: time - view.span * 0.05, span: view.span }, duration);
}

/** Distance between lines of the paper in mm: the 1 mm squares go once they would be under 3 pixels. */
export function gridStep(pixelsPerMm: number): { minor: number; major: number } {
  if (pixelsPerMm >= 3) return { minor: 1, major: 5 };
  if (pixelsPerMm * 5 >= 4) return { minor: 5, major: 25 };
  return { minor: 25, major: 125 };
}
