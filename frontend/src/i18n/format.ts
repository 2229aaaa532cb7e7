/** Numbers and dates as the language writes them. */
import { useMemo } from "react";
import { type Language, useLanguage } from "./language";

export interface Format {
  number: (value: number, digits?: number) => string;
  percent: (value: number, digits?: number) => string;
  bytes: (value: number) => string;
  date: (iso: string) => string;
  /** Such as "3 minutes ago". */
  ago: (iso: string, now?: number) => string;
  /** Of a recording: 1:02.3 */
  clock: (seconds: number) => string;
  money: (usd: number) => string;
  duration: (seconds: number) => string;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export function formatIn(language: Language): Format {
  const number = (value: number, digits = 0): string =>
    value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const unit = (value: number, name: string, digits = 0): string =>
    value.toLocaleString(language, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits });
  return {
    number,
    percent: (value, digits = 0) =>
      value.toLocaleString(language, { style: "percent", maximumFractionDigits: digits }),
    bytes: (value) =>
      value < 1e6
        ? unit(Math.ceil(value / 1e3), "kilobyte")
        : value < 1e9
          ? unit(value / 1e6, "megabyte", 1)
          : unit(value / 1e9, "gigabyte", 2),
    date: (iso) => new Date(iso).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" }),
    ago: (iso, now = Date.now()) => {
      const seconds = (Date.parse(iso) - now) / 1000;
      const [name, size] = STEPS.find(([, least]) => Math.abs(seconds) >= least) ?? ["second", 1];
      return relative.format(Math.round(seconds / size), name);
    },
    clock: (seconds) => {
      // Rounded first: 59.96 s is a minute, no 0:60.0.
      const tenths = Math.round(seconds * 10);
      const minutes = Math.floor(tenths / 600);
      const rest = tenths / 10 - minutes * 60;
      return `${minutes}:${rest < 10 ? "0" : ""}${number(rest, 1)}`;
    },
    money: (usd) => usd.toLocaleString(language, { style: "currency", currency: "USD" }),
    duration: (seconds) =>
      seconds < 60 ? unit(seconds, "second", 1) : unit(seconds / 60, "minute", seconds < 600 ? 1 : 0),
  };
}

export function useFormat(): Format {
  const language = useLanguage();
  return useMemo(() => formatIn(language), [language]);
}
