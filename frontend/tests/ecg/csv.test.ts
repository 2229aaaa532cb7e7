import { expect, test } from "vitest";
import { waveformCsv } from "@/ecg/csv";
import { readResult } from "@/ecg/result";

const beat = (time_s: number, more: object) => ({ time_s, class: "V", probability: 0.41, ...more });
const document = (beats: object[]) => ({
  waveform: { sampling_rate_hz: 10, start_s: 0, unit: "mV", samples: [0.1, null, 0.3], confidence: [1, 0, 0.5] },
  beats,
});
const rows = (beats: object[]): string[] => waveformCsv(readResult(document(beats))).trimEnd().split("\n");

test("the file says which unit, and what was not read is empty", () => {
  expect(rows([])).toEqual([
    "time_s,amplitude_mV,confidence,beat,likeliest,probability",
    "0.0000,0.1000,1.000,,,",
    "0.1000,,0.000,,,",
    "0.2000,0.3000,0.500,,,",
  ]);
});

test("a beat stands at its sample with its class", () => {
  expect(rows([beat(0.21, { answer: "V", reason: null })])[3]).toBe("0.2000,0.3000,0.500,V,V,0.410");
});

test("a beat whose class is in doubt is not_sure, whatever is likeliest", () => {
  expect(rows([beat(0, { answer: "not_sure", reason: "poor_signal" })])[1]).toBe("0.0000,0.1000,1.000,not_sure,V,0.410");
});
