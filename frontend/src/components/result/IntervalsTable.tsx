"use client";

import { rrStatistics } from "@/ecg/measures";
import type { Interval, Result } from "@/ecg/result";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import { Panel } from "./Panel";

/** What the document measures, after what follows from its beats. */
export function IntervalsTable({ result }: { result: Result }) {
  const { result: words } = useMessages();
  const format = useFormat();
  const rows = [...ownIntervals(result), ...result.intervals];
  return (
    <Panel heading={words.intervals}>
      {rows.length === 0 ? (
        <p className="text-muted">{words.noIntervals}</p>
      ) : (
        <table className="w-full text-sm">
          <thead className="text-left text-muted">
            <tr>
              <th className="pb-2 font-medium">{words.measure}</th>
              <th className="pb-2 text-right font-medium">{words.value}</th>
              <th className="pb-2 text-right font-medium">{words.spread}</th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line border-t border-line tabular-nums">
            {rows.map(({ name, value, unit, low, high }) => (
              <tr key={name}>
                <th scope="row" className="py-2 text-left font-normal">
                  {words.interval[name] ?? name.replaceAll("_", " ")}
                </th>
                <td className="py-2 text-right font-medium">
                  {format.number(value, digits(unit))} {unit}
                </td>
                <td className="py-2 text-right text-muted">
                  {low !== undefined && high !== undefined
                    ? words.range(format.number(low, digits(unit)), format.number(high, digits(unit)))
                    : ""}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

const digits = (unit: string): number => (unit === "ms" || unit === "bpm" ? 0 : 2);

function ownIntervals({ rr }: Result): Interval[] {
  const found = rrStatistics(rr);
  if (!found) return [];
  const rows: Interval[] = [{ name: "rr", value: found.mean, unit: "ms", low: found.min, high: found.max }];
  if (found.sdnn !== null) rows.push({ name: "sdnn", value: found.sdnn, unit: "ms" });
  if (found.rmssd !== null) rows.push({ name: "rmssd", value: found.rmssd, unit: "ms" });
  return rows;
}
