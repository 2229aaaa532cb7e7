"use client";

import { type KeyboardEvent, type PointerEvent, useRef } from "react";
import { type Caliper, measured } from "@/ecg/measures";
import type { Viewport } from "@/ecg/viewport";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";

interface Props {
  caliper: Caliper | null;
  setCaliper: (caliper: Caliper) => void;
  view: Viewport;
  amplitudes: [number, number];
  width: number;
  height: number;
  unit: string;
}

/** A box over the waveform whose sides are milliseconds and millivolts. */
export function Calipers({ caliper, setCaliper, view, amplitudes, width, height, unit }: Props) {
  const { result: words } = useMessages();
  const start = useRef<{ time: number; level: number } | null>(null);
  const [low, high] = amplitudes;
  const at = (event: PointerEvent): { time: number; level: number } => {
    const box = event.currentTarget.getBoundingClientRect();
    return {
      time: view.from + ((event.clientX - box.left) / width) * view.span,
      level: high - ((event.clientY - box.top) / height) * (high - low),
    };
  };
  const x = (time: number): number => ((time - view.from) / view.span) * width;
  const y = (level: number): number => ((high - level) / (high - low)) * height;

  const key = (event: KeyboardEvent): void => {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const now = caliper ?? { from: view.from + view.span * 0.4, to: view.from + view.span * 0.6, low: 0, high: 1 };
    const time = (step[0] * view.span) / width;
    const level = (step[1] * (high - low)) / height;
    setCaliper(
      event.shiftKey
        ? { ...now, from: now.from + time, low: now.low + level }
        : { ...now, to: now.to + time, high: now.high + level },
    );
  };

  const box = caliper && {
    left: Math.min(x(caliper.from), x(caliper.to)),
    top: Math.min(y(caliper.low), y(caliper.high)),
    width: Math.abs(x(caliper.to) - x(caliper.from)),
    height: Math.abs(y(caliper.high) - y(caliper.low)),
  };
  return (
    <div
      role="group"
      tabIndex={0}
      aria-label={`${words.caliper}. ${words.caliperHelp}`}
      className="absolute inset-0 touch-none"
      onKeyDown={key}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = at(event);
      }}
      onPointerMove={(event) => {
        if (!start.current) return;
        const now = at(event);
        setCaliper({ from: start.current.time, to: now.time, low: start.current.level, high: now.level });
      }}
      onPointerUp={() => {
        start.current = null;
      }}
    >
      {caliper && box && (
        <>
          <div className="absolute border-2 border-info bg-info/10" style={box} />
          <output
            aria-live="polite"
            className="absolute rounded-md bg-info px-2 py-1 text-sm font-medium whitespace-nowrap text-surface tabular-nums"
            style={{ left: Math.max(0, Math.min(box.left, width - 230)), top: Math.max(0, box.top - 32) }}
          >
            <Reading caliper={caliper} unit={unit} />
          </output>
        </>
      )}
    </div>
  );
}

function Reading({ caliper, unit }: { caliper: Caliper; unit: string }) {
  const { result: words } = useMessages();
  const format = useFormat();
  const { ms, bpm, amplitude } = measured(caliper);
  return (
    <>
      {words.caliperReading(format.number(ms), `${format.number(amplitude, 2)} ${unit}`)}
      {bpm !== null && ` · ${words.caliperBpm(format.number(bpm))}`}
    </>
  );
}
