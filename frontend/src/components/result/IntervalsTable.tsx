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
  const told = new Set(result.intervals.map(({ name }) => name));
  const rows = [...ownIntervals(result).filter(({ name }) => !told.has(name)), ...result.intervals];
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
            {rows.map(({ name, value, unit, range, spread, reason, definition }) => (
              <tr key={name}>
                <th scope="row" className="py-2 text-left font-normal" title={definition || undefined}>
                  {words.interval[name] ?? name.replaceAll("_", " ")}
                </th>
                {value === null ? (
                  <td colSpan={2} className="py-2 text-right text-muted">
                    {words.reason[reason ?? ""] ?? reason?.replaceAll("_", " ")}
                  </td>
                ) : (
                  <>
                    <td className="py-2 text-right font-medium">
                      {format.number(value)} {unit}
                    </td>
                    <td className="py-2 text-right text-muted">
                      {range && words.range(format.number(range[0]), format.number(range[1]))}
                      {spread !== null && words.iqr(format.number(spread))}
                    </td>
                  </>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

/** In ms. What the document itself tells, or refuses to tell, takes their place. */
function ownIntervals({ rr }: Result): Interval[] {
  const found = rrStatistics(rr);
  if (!found) return [];
  const plain = { unit: "ms", spread: null, reason: null, definition: "" };
  const rows: Interval[] = [{ ...plain, name: "rr", value: found.mean, range: [found.min, found.max] }];
  if (found.sdnn !== null) rows.push({ ...plain, name: "sdnn", value: found.sdnn });
  if (found.rmssd !== null) rows.push({ ...plain, name: "rmssd", value: found.rmssd });
  return rows;
}
