"use client";

import type { ReactNode } from "react";
import { countClasses } from "@/ecg/measures";
import type { BeatClass, Result, Rhythm } from "@/ecg/result";
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
  const unsure = result.beats.filter((beat) => beat.unsure).length;
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
          {unsure > 0 && (
            <span className="text-doubt tabular-nums">
              {words.notSure} {format.number(unsure)}
            </span>
          )}
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
          <Judged rhythm={rhythm} />
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

/** The rhythm and how likely it is, or that it is not said and why: then with what would have been said. */
function Judged({ rhythm: { name, probability, unsure } }: { rhythm: Rhythm }) {
  const { result: words } = useMessages();
  const format = useFormat();
  const named = name && (words.rhythmName[name] ?? name.replaceAll("_", " "));
  const likely = probability === null ? "" : format.percent(probability);
  if (!unsure) {
    return (
      <>
        <span className="text-lg font-semibold">{named}</span>{" "}
        <span className="text-muted tabular-nums">{likely}</span>
      </>
    );
  }
  return (
    <>
      <span className="text-lg font-semibold">{words.notSure}</span>{" "}
      <span className="text-muted">{words.reason[unsure] ?? unsure.replaceAll("_", " ")}</span>
      {named && <span className="block text-sm text-muted tabular-nums">{words.likeliest(named, likely)}</span>}
    </>
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
