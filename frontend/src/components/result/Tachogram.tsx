"use client";

import { useRef } from "react";
import { tachogram } from "@/ecg/measures";
import type { Playhead } from "@/ecg/playhead";
import type { Result } from "@/ecg/result";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import { beatWords } from "./beat";
import { BEAT_TEXT } from "./Facts";
import { Panel } from "./Panel";
import { useWidth } from "./width";

const BOX = { height: 190, left: 44, right: 8, top: 10, bottom: 24 } as const;
/** Lines on the ms axis stand at multiples of this. */
const STEP_MS = 200;

/** One dot for each interval between neighbouring beats, in the colour of the beat that ends it: hollow where the class is in doubt. */
export function Tachogram({ result, playhead }: { result: Result; playhead: Playhead }) {
  const { result: words } = useMessages();
  const format = useFormat();
  const frame = useRef<HTMLDivElement>(null);
  // Drawn at the size at which it is seen: a phone does not shrink its figures.
  const width = useWidth(frame) || 560;
  const points = tachogram(result.beats);
  if (points.length < 2) {
    return (
      <Panel heading={words.tachogram}>
        <p className="text-muted">{words.noIntervals}</p>
      </Panel>
    );
  }
  const values = points.map((point) => point.rr);
  const [shortest, longest] = [Math.min(...values), Math.max(...values)];
  const low = Math.floor((shortest - 40) / STEP_MS) * STEP_MS;
  const high = Math.ceil((longest + 40) / STEP_MS) * STEP_MS;
  const x = (time: number): number => BOX.left + (time / result.duration) * (width - BOX.left - BOX.right);
  const y = (ms: number): number => BOX.top + ((high - ms) / (high - low)) * (BOX.height - BOX.top - BOX.bottom);
  const levels = Array.from({ length: (high - low) / STEP_MS + 1 }, (_, at) => low + at * STEP_MS);
  return (
    <Panel heading={words.tachogram}>
      <div ref={frame}>
        <svg
          viewBox={`0 0 ${width} ${BOX.height}`}
          className="w-full text-muted"
          role="img"
          aria-label={words.tachogramLabel(
            format.number(points.length),
            format.number(shortest),
            format.number(longest),
          )}
        >
          {levels.map((ms) => (
            <g key={ms}>
              <line x1={BOX.left} x2={width - BOX.right} y1={y(ms)} y2={y(ms)} className="stroke-line" />
              <text x={BOX.left - 6} y={y(ms) + 4} textAnchor="end" className="fill-muted text-[11px]">
                {format.number(ms)}
              </text>
            </g>
          ))}
          {(width < 400 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]).map((share) => (
            <text
              key={share}
              x={x(share * result.duration)}
              y={BOX.height - 6}
              textAnchor={share === 0 ? "start" : share === 1 ? "end" : "middle"}
              className="fill-muted text-[11px]"
            >
              {format.clock(share * result.duration)}
            </text>
          ))}
          <polyline
            points={points.map((point) => `${x(point.beat.time)},${y(point.rr)}`).join(" ")}
            className="fill-none stroke-line"
            strokeWidth="1.5"
          />
          {points.map(({ rr, beat }) => (
            <circle
              key={beat.time}
              cx={x(beat.time)}
              cy={y(rr)}
              r={beat.kind === "N" && !beat.unsure ? 2.8 : 4}
              strokeWidth="1.5"
              className={`cursor-pointer ${beat.unsure ? "fill-surface stroke-doubt" : `fill-current stroke-none ${BEAT_TEXT[beat.kind]}`}`}
              onClick={() => playhead.seek(beat.time)}
            >
              <title>{`${format.clock(beat.time)} · ${format.number(rr)} ms · ${beatWords(beat, words)}`}</title>
            </circle>
          ))}
        </svg>
      </div>
      <p className="text-xs text-muted">ms</p>
    </Panel>
  );
}
