import { expect, test } from "vitest";
import { doubtOf } from "@/ecg/doubt";

const RATE = 100;
const flat = (seconds: number, value: number): number[] => new Array<number>(seconds * RATE).fill(value);

function share(samples: number[], confidence: number[]): number {
  const doubtful = doubtOf(Float32Array.from(samples), Float32Array.from(confidence), RATE);
  return doubtful.reduce((total, one) => total + one, 0) / samples.length;
}

test("the steep strokes of beats that are well read are no doubt", () => {
  const confidence = flat(10, 0.95).map((value, at) => (at % 80 < 6 ? 0.2 : value));
  expect(share(flat(10, 0), confidence)).toBe(0);
});

test("a stretch that was badly read is", () => {
  const confidence = [...flat(4, 0.95), ...flat(2, 0.3), ...flat(4, 0.95)];
  expect(share(flat(10, 0), confidence)).toBeCloseTo(0.2, 1);
});

test("a gap neither is doubtful nor makes what is beside it so", () => {
  const samples = [...flat(4, 0), ...flat(2, NaN), ...flat(4, 0)];
  const confidence = [...flat(4, 0.95), ...flat(2, 0), ...flat(4, 0.95)];
  expect(share(samples, confidence)).toBe(0);
});
