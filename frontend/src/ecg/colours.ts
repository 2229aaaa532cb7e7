/** The design's colours for canvases, which know no CSS variables. */
import type { BeatClass } from "./result";

export interface Colours {
  paper: string;
  minor: string;
  major: string;
  trace: string;
  doubt: string;
  gap: string;
  muted: string;
  ink: string;
  accent: string;
  beat: Record<BeatClass, string>;
  font: string;
}

/** As they are now: they change with the theme. */
export function coloursOf(root: HTMLElement): Colours {
  const style = getComputedStyle(root);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: of("paper"),
    minor: of("paper-minor"),
    major: of("paper-major"),
    trace: of("trace"),
    doubt: of("doubt"),
    gap: of("gap"),
    muted: of("muted"),
    ink: of("ink"),
    accent: of("accent"),
    beat: { N: of("beat-n"), S: of("beat-s"), V: of("beat-v"), F: of("beat-f"), Q: of("beat-q") },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
  };
}
