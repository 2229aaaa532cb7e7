"use client";

import { useState } from "react";
import type { Playhead } from "@/ecg/playhead";
import type { Result } from "@/ecg/result";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import { beatWords } from "./beat";
import { BEAT_TEXT } from "./Facts";

/** Rows that are drawn: half an hour has thousands of beats, and nobody scrolls through them. */
const MOST_ROWS = 500;

/** Every beat, for whoever wants to go through them; a beat's time leads to it. */
export function BeatsTable({ result, playhead }: { result: Result; playhead: Playhead }) {
  const { result: words } = useMessages();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  return (
    <details
      className="rounded-2xl border border-line bg-surface px-5 py-4"
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary className="font-semibold">
        {words.beatTable} ({format.number(result.beats.length)})
      </summary>
      {open && (
        <div className="mt-3 max-h-96 overflow-auto" tabIndex={0} role="region" aria-label={words.beatTable}>
          <table className="w-full text-sm tabular-nums">
            <thead className="text-left text-muted">
              <tr>
                <th className="py-2 font-medium">{words.time}</th>
                <th className="py-2 font-medium">{words.kind}</th>
                <th className="py-2 text-right font-medium">{words.probability}</th>
              </tr>
            </thead>
            <tbody className="divide-y divide-line">
              {result.beats.slice(0, MOST_ROWS).map((beat) => (
                <tr key={beat.time}>
                  <td className="py-1.5">
                    <button type="button" className="text-accent underline" onClick={() => playhead.seek(beat.time)}>
                      {format.clock(beat.time)}
                    </button>
                  </td>
                  <td className="py-1.5">
                    <b className={beat.unsure ? "text-doubt" : BEAT_TEXT[beat.kind]}>
                      {beat.kind}
                      {beat.unsure && "?"}
                    </b>{" "}
                    {beatWords(beat, words)}
                  </td>
                  <td className="py-1.5 text-right">{format.percent(beat.probability)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}
