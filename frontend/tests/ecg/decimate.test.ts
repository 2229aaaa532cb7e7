import { describe, expect, test } from "vitest";
import { decimate, doubtsOf, extremes, gapsOf } from "@/ecg/decimate";
import type { Waveform } from "@/ecg/result";

function wave(samples: (number | null)[], doubtful?: number[], rate = 100): Waveform {
  return {
    rate,
    start: 0,
    unit: "mV",
    calibrated: true,
    samples: Float32Array.from(samples, (value) => value ?? NaN),
    confidence: new Float32Array(samples.length).fill(1),
    doubtful: Uint8Array.from(doubtful ?? samples.map(() => 0)),
  };
}

describe("decimation", () => {
  test("keeps the one sample that sticks out of half an hour at 360 Hz", () => {
    const long = wave(new Array<number>(30 * 60 * 360).fill(0), undefined, 360);
    long.samples[123_457] = 5;
    long.samples[400_001] = -4;
    const { x, sure } = decimate(long, 0, 1800, 1200);
    expect(Math.max(...(sure as number[]))).toBe(5);
    expect(Math.min(...(sure as number[]))).toBe(-4);
    expect(x.length).toBeLessThan(2 * 1300);
  });

  test("keeps lowest and highest of whatever is looked at, at every zoom", () => {
    const long = wave(new Array<number>(30 * 60 * 360).fill(0), undefined, 360);
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647; // Park and Miller's
    long.samples.forEach((_, at) => (long.samples[at] = random() ** 9));
    for (const span of [1800, 700, 90, 10, 1.5]) {
      for (let window = 0; window < 4; window += 1) {
        const from = random() * (1800 - span);
        const shown = long.samples.subarray(Math.ceil(from * 360), Math.floor((from + span) * 360));
        const drawn = decimate(long, from, from + span, 1200).sure as number[];
        const [low, high] = extremes({ ...long, samples: shown });
        expect(Math.max(...drawn)).toBeGreaterThanOrEqual(high);
        expect(Math.min(...drawn)).toBeLessThanOrEqual(low);
        expect(drawn.length).toBeLessThan(2 * 2400);
      }
    }
  });

  test("draws every sample where there is a pixel for each", () => {
    const { sure } = decimate(wave([1, 2, 3, 2, 1]), 0, 0.05, 800);
    expect(sure).toEqual([1, 2, 3, 2, 1]);
  });

  test("puts lowest and highest in the order in which they come, with rising time", () => {
    const { x, sure } = decimate(wave([0, 9, 1, 5, -3, 2]), 0, 0.06, 2);
    expect(sure).toEqual([0, 9, 5, -3]);
    expect(x).toEqual([...x].sort((one, other) => one - other));
  });

  test("breaks the line at a gap, however narrow beside a column", () => {
    const samples: (number | null)[] = new Array<number>(1000).fill(1);
    samples[500] = null;
    expect(decimate(wave(samples), 0, 10, 100).sure).toContain(null);
  });

  test("gives doubtful stretches a line of their own that joins the sure one", () => {
    const uncertain = [0, 0, 1, 1, 0, 0];
    const { sure, doubtful } = decimate(wave([1, 2, 3, 4, 5, 6], uncertain), 0, 0.06, 100);
    expect(sure).toEqual([1, 2, 3, null, 5, 6]);
    expect(doubtful).toEqual([null, null, 3, 4, 5, null]);
  });
});

describe("stretches", () => {
  test("gaps have the seconds in which nothing was read; single samples are no gap", () => {
    const samples: (number | null)[] = new Array<number>(300).fill(0);
    samples.fill(null, 100, 150);
    samples[200] = null;
    expect(gapsOf(wave(samples))).toEqual([{ from: 1, to: 1.5 }]);
  });

  test("doubt is told in seconds", () => {
    const doubtful = new Array<number>(300).fill(0).fill(1, 100, 150);
    expect(doubtsOf(wave(new Array<number>(300).fill(0), doubtful))).toEqual([{ from: 1, to: 1.5 }]);
  });
});

test("a recording without a single sample still has a scale", () => {
  expect(extremes(wave([null, null]))).toEqual([-1, 1]);
});
