/** The waveform as CSV, for whoever goes on with it elsewhere. */
import { type Beat, NOT_SURE, type Result } from "./result";

/**
 * One line a sample; an empty value is a gap. A beat stands at the sample nearest to it: `beat` is the answer, which may
 * be `not_sure`; what would have been said is beside it, and never in its place.
 */
export function waveformCsv({ waveform, beats }: Result): string {
  const { rate, start, samples, confidence } = waveform;
  const marked = new Map<number, Beat>(beats.map((beat) => [Math.round((beat.time - start) * rate), beat]));
  const lines = [`time_s,amplitude_${waveform.unit || "au"},confidence,beat,likeliest,probability`];
  samples.forEach((value, at) => {
    const amplitude = Number.isNaN(value) ? "" : value.toFixed(4);
    const sureness = (confidence[at] as number).toFixed(3);
    lines.push(`${(start + at / rate).toFixed(4)},${amplitude},${sureness},${cells(marked.get(at))}`);
  });
  return lines.join("\n") + "\n";
}

function cells(beat: Beat | undefined): string {
  if (!beat) return ",,";
  return [beat.unsure ? NOT_SURE : beat.kind, beat.kind, beat.probability.toFixed(3)].join(",");
}
