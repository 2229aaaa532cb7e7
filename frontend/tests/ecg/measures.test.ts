import { expect, test } from "vitest";
import { countClasses, measured, rrStatistics, tachogram } from "@/ecg/measures";
import type { Beat } from "@/ecg/result";

const beat = (time: number, kind: Beat["kind"] = "N"): Beat => ({ time, kind, probability: 1, unsure: null });

test("RR statistics are in ms, with SDNN over n - 1 and RMSSD over successive differences", () => {
  const found = rrStatistics([0.8, 0.9, 0.7]);
  expect(found?.mean).toBeCloseTo(800);
  expect(found?.sdnn).toBeCloseTo(100);
  expect(found?.rmssd).toBeCloseTo(Math.sqrt((100 ** 2 + 200 ** 2) / 2));
});

test("one interval has no spread, none has no statistics", () => {
  expect(rrStatistics([0.8])).toEqual({ mean: 800, min: 800, max: 800, sdnn: null, rmssd: null });
  expect(rrStatistics([])).toBeNull();
});

test("no interval is told across a stretch in which beats may have been missed", () => {
  expect(tachogram([beat(1), beat(2), beat(9), beat(9.5)]).map((point) => point.rr)).toEqual([1000, 500]);
});

test("an interval knows that its beat is in doubt", () => {
  const doubtful: Beat = { ...beat(2, "V"), unsure: "poor_signal" };
  expect(tachogram([beat(1), doubtful])[0]?.beat).toBe(doubtful);
});

test("a beat in doubt counts for no class", () => {
  expect(countClasses([beat(1), { ...beat(2, "V"), unsure: "poor_signal" }])).toEqual([["N", 1]]);
});

test("classes are counted in their order, empty ones left out", () => {
  expect(countClasses([beat(1, "V"), beat(2), beat(3)])).toEqual([
    ["N", 2],
    ["V", 1],
  ]);
});

test("a caliper measures the same whichever way it was drawn, and no rate from a wave's width", () => {
  expect(measured({ from: 2, to: 1.2, low: 1, high: -0.5 })).toEqual({ ms: 800, bpm: 75, amplitude: 1.5 });
  expect(measured({ from: 1, to: 1.09, low: 0, high: 0 }).bpm).toBeNull();
});
