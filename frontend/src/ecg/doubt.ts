/** Where a reading is doubtful: judged over a beat's length, since every steep stroke of a QRS is read less surely. */

/** Mean confidence below which a sample is shown as doubtful. */
const DOUBT_BELOW = 0.6;
/** Seconds over which confidence is averaged, half before and half after. */
const WINDOW_S = 0.6;

/** 1 for each sample that was read and is doubtful; what was not read is a gap and counts for nothing. */
export function doubtOf(samples: Float32Array, confidence: Float32Array, rate: number): Uint8Array {
  const reach = Math.max(1, Math.round((WINDOW_S * rate) / 2));
  const sums = new Float64Array(samples.length + 1);
  const counts = new Uint32Array(samples.length + 1);
  for (let at = 0; at < samples.length; at += 1) {
    const read = !Number.isNaN(samples[at]);
    sums[at + 1] = (sums[at] as number) + (read ? (confidence[at] as number) : 0);
    counts[at + 1] = (counts[at] as number) + (read ? 1 : 0);
  }
  return Uint8Array.from(samples, (value, at) => {
    if (Number.isNaN(value)) return 0;
    const [from, to] = [Math.max(0, at - reach), Math.min(samples.length, at + reach + 1)];
    const mean =
      ((sums[to] as number) - (sums[from] as number)) / ((counts[to] as number) - (counts[from] as number));
    return mean < DOUBT_BELOW ? 1 : 0;
  });
}
