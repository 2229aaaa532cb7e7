import { describe, expect, test } from "vitest";
import { en } from "@/i18n/en";
import { formatIn } from "@/i18n/format";
import { ko } from "@/i18n/ko";
import { chosen } from "@/i18n/language";

describe("the language", () => {
  test("is what was chosen, then what the browser prefers, then English", () => {
    expect(chosen("ko", ["en-US"])).toBe("ko");
    expect(chosen(null, ["fr-FR", "ko-KR", "en"])).toBe("ko");
    expect(chosen(null, ["fr-FR"])).toBe("en");
  });

  test("Korean says everything in Korean, but for what has no translation", () => {
    const same = Object.entries(leaves(en)).filter(([key, text]) => text && leaves(ko)[key] === text);
    const names = ["pnn50", "pr", "qrs", "qt", "qtc", "rmssd", "sdnn"].map((name) => `result.interval.${name}`);
    expect(same.map(([key]) => key).sort()).toEqual(names);
  });

  test("Korean has every stage, failure and interval that English has", () => {
    expect(Object.keys(leaves(ko)).sort()).toEqual(Object.keys(leaves(en)).sort());
  });
});

test("numbers and dates are written as the language writes them", () => {
  expect(formatIn("ko").ago("2026-11-26T00:00:00Z", Date.parse("2026-11-26T00:03:00Z"))).toBe("3분 전");
  expect(formatIn("en").bytes(1_482_113)).toBe("1.5 MB");
  expect(formatIn("en").clock(62.34)).toBe("1:02.3");
  expect(formatIn("en").clock(59.96)).toBe("1:00.0");
});

/** Every text by its path; sentences with numbers in them are functions, and count as empty. */
function leaves(messages: object, path = ""): Record<string, string> {
  return Object.assign(
    {},
    ...Object.entries(messages).map(([key, value]: [string, unknown]) => {
      const here = path ? `${path}.${key}` : key;
      if (typeof value === "object" && value !== null) return leaves(value, here);
      return { [here]: typeof value === "string" ? value : "" };
    }),
  ) as Record<string, string>;
}
