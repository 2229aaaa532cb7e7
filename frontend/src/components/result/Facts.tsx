"use client";

import type { ReactNode } from "react";
import { countClasses } from "@/ecg/measures";
import type { BeatClass, Result } from "@/ecg/result";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";

export const BEAT_TEXT: Record<BeatClass, string> = {
  N: "text-beat-n",
  S: "text-beat-s",
  V: "text-beat-v",
  F: "text-beat-f",
  Q: "text-beat-q",
};

/** The few numbers that people look for first. */
export function Facts({ result }: { result: Result }) {
  const { result: words } = useMessages();
  const format = useFormat();
  const { heartRate, rhythm, signalQuality, readableShare } = result;
  return (
    <dl className="grid grid-cols-2 gap-px overflow-hidden rounded-2xl border border-line bg-line">
      <Fact name={words.heartRate}>
        {heartRate ? (
          <>
            <span className="text-4xl font-semibold tracking-tight tabular-nums">{format.number(heartRate.mean)}</span>{" "}
            <span className="text-muted">{words.bpm}</span>
            <span className="block text-sm text-muted tabular-nums">
              {words.range(format.number(heartRate.min), format.number(heartRate.max))}
            </span>
          </>
        ) : (
          <span className="text-lg text-muted">{words.noRate}</span>
        )}
      </Fact>
      <Fact name={words.beats}>
        <span className="text-4xl font-semibold tracking-tight tabular-nums">{format.number(result.beats.length)}</span>
        <span className="flex flex-wrap gap-x-3 text-sm">
          {countClasses(result.beats).map(([kind, count]) => (
            <span key={kind} title={words.beatClass[kind]} className="tabular-nums">
              <b className={BEAT_TEXT[kind]}>{kind}</b> {format.number(count)}
            </span>
          ))}
        </span>
      </Fact>
      <Fact name={words.quality}>
        <Share value={signalQuality} />
      </Fact>
      <Fact name={words.readable}>
        <Share value={readableShare} />
      </Fact>
      {rhythm && (
        <Fact name={words.rhythm} wide>
          <span className="text-lg font-semibold">{rhythm.label}</span>{" "}
          {rhythm.probability !== null && <span className="text-muted">{format.percent(rhythm.probability)}</span>}
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, wide = false, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={`bg-surface p-4 ${wide ? "col-span-2" : ""}`}>
      <dt className="text-sm text-muted">{name}</dt>
      <dd className="mt-1">{children}</dd>
    </div>
  );
}

/** A share with a bar: the number says it, the bar lets it be compared. */
function Share({ value }: { value: number | null }) {
  const format = useFormat();
  if (value === null) return <span className="text-muted">–</span>;
  const tone = value >= 0.8 ? "bg-good" : value >= 0.5 ? "bg-warn" : "bg-bad";
  return (
    <>
      <span className="text-2xl font-semibold tabular-nums">{format.percent(value)}</span>
      <span className="mt-1.5 block h-1.5 overflow-hidden rounded-full bg-sunken" aria-hidden="true">
        <span className={`block h-full rounded-full ${tone}`} style={{ width: `${value * 100}%` }} />
      </span>
    </>
  );
}
