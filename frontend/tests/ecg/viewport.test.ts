import { expect, test } from "vitest";
import { following, gridStep, paperSpan, PX_PER_MM, within, zoomed } from "@/ecg/viewport";

test("at 25 mm/s an inch of screen holds 25.4 mm of paper, so 1.016 s", () => {
  expect(paperSpan(96, 25)).toBeCloseTo(1.016, 6);
  expect(paperSpan(96, 50)).toBeCloseTo(0.508, 6);
  expect(25.4 * PX_PER_MM).toBeCloseTo(96, 6);
});

test("zooming keeps the second under the pointer where it is", () => {
  const view = { from: 10, span: 10 };
  const closer = zoomed(view, 0.5, 12, 100);
  expect(closer).toEqual({ from: 11, span: 5 });
});

test("nobody zooms or moves out of the recording", () => {
  expect(zoomed({ from: 0, span: 10 }, 1000, 5, 24)).toEqual({ from: 0, span: 24 });
  expect(within({ from: 50, span: 10 }, 24)).toEqual({ from: 14, span: 10 });
  expect(within({ from: -3, span: 10 }, 4)).toEqual({ from: 0, span: 10 });
});

test("a playhead within the page leaves the page alone, one beyond it turns the page", () => {
  const view = { from: 0, span: 10 };
  expect(following(view, 5, 60)).toBe(view);
  expect(following(view, 10.2, 60).from).toBeCloseTo(9.7);
});

test("millimetre squares go once they would be too fine to see", () => {
  expect(gridStep(3.8)).toEqual({ minor: 1, major: 5 });
  expect(gridStep(1)).toEqual({ minor: 5, major: 25 });
  expect(gridStep(0.1)).toEqual({ minor: 25, major: 125 });
});
