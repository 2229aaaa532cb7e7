import { describe, expect, test } from "vitest";
import { Problem } from "@/api/problem";
import { waveformCsv } from "@/ecg/csv";
import { readResult } from "@/ecg/result";

const least = { waveform: { sampling_rate_hz: 100, samples: [0.5, null, 1], start_s: 0, unit: "mV" } };

describe("reading a result", () => {
  test("needs a waveform and nothing else", () => {
    const result = readResult(least);
    expect(Array.from(result.waveform.samples)).toEqual([0.5, NaN, 1]);
    expect(result.heartRate).toBeNull();
    expect(result.intervals).toEqual([]);
  });

  test.each([[null], ["text"], [{}], [{ waveform: { samples: [1] } }], [{ schema: "golden/v1" }]])(
    "refuses %j as unreadable",
    (document) => {
      expect(() => readResult(document)).toThrow(Problem);
    },
  );

  test("takes intervals that it has never heard of, with the unit from their name", () => {
    const { intervals } = readResult({ ...least, intervals: { qtc_ms: { median: 410, low: 400, high: 420 }, pr_ms: 150 } });
    expect(intervals).toEqual([
      { name: "qtc", unit: "ms", value: 410, low: 400, high: 420 },
      { name: "pr", unit: "ms", value: 150, low: undefined, high: undefined },
    ]);
  });

  test("counts a class that it does not know as not classifiable, and leaves out a beat without a time", () => {
    const { beats } = readResult({ ...least, beats: [{ time_s: 1, class: "X" }, { class: "N" }] });
    expect(beats).toEqual([{ time: 1, kind: "Q", probability: 0 }]);
  });

  test("is never shorter than its waveform", () => {
    expect(readResult({ ...least, video: { duration_s: 0.01 } }).duration).toBeCloseTo(0.03);
  });
});

test("CSV has a line for each sample, nothing where nothing was read, and beats at their sample", () => {
  const result = readResult({ ...least, beats: [{ time_s: 0.02, class: "V", probability: 0.9 }] });
  expect(waveformCsv(result)).toBe(
    "time_s,amplitude_mV,confidence,beat\n0.0000,0.5000,1.000,\n0.0100,,1.000,\n0.0200,1.0000,1.000,V\n",
  );
});
