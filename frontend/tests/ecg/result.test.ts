import { describe, expect, test } from "vitest";
import { Problem } from "@/api/problem";
import { countClasses } from "@/ecg/measures";
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

  test("takes intervals that it has never heard of, with a value or with a reason", () => {
    const told = { unit: "ms", definition: "median", count: 9 };
    const { intervals } = readResult({
      ...least,
      intervals: {
        jt: { ...told, value: 310, spread: 12, reason: null },
        pr: { ...told, value: null, spread: null, reason: "waves_not_marked" },
        half: { ...told },
      },
    });
    expect(intervals).toEqual([
      { name: "jt", unit: "ms", definition: "median", value: 310, spread: 12, reason: null },
      { name: "pr", unit: "ms", definition: "median", value: null, spread: null, reason: "waves_not_marked" },
    ]);
  });

  test("a rhythm is the likeliest with its probability, and says why it is not the answer", () => {
    const judged = { likeliest: "sinus", probabilities: { sinus: 0.5, other: 0.4 } };
    const sure = readResult({ ...least, rhythm: { ...judged, answer: "sinus", reason: null } });
    expect(sure.rhythm).toEqual({ name: "sinus", probability: 0.5, unsure: null });
    const withheld = readResult({ ...least, rhythm: { ...judged, answer: "not_sure", reason: "low_probability" } });
    expect(withheld.rhythm).toEqual({ name: "sinus", probability: 0.5, unsure: "low_probability" });
    const none = { answer: "not_sure", reason: "no_beats", likeliest: null, probabilities: {} };
    expect(readResult({ ...least, rhythm: none }).rhythm).toEqual({ name: null, probability: null, unsure: "no_beats" });
  });

  test("a beat that is not answered keeps its likeliest class and counts for none", () => {
    const beats = [
      { time_s: 1, class: "V", probability: 0.5, answer: "not_sure", reason: "low_probability" },
      { time_s: 2, class: "V", probability: 0.9, answer: "V", reason: null },
    ];
    const read = readResult({ ...least, beats }).beats;
    expect(read.map((one) => one.unsure)).toEqual(["low_probability", null]);
    expect(countClasses(read)).toEqual([["V", 1]]);
  });

  test("counts a class that it does not know as not classifiable, and leaves out a beat without a time", () => {
    const { beats } = readResult({ ...least, beats: [{ time_s: 1, class: "X" }, { class: "N" }] });
    expect(beats).toEqual([{ time: 1, kind: "Q", probability: 0, unsure: null }]);
  });

  test("is never shorter than its waveform", () => {
    expect(readResult({ ...least, video: { duration_s: 0.01 } }).duration).toBeCloseTo(0.03);
  });
});
