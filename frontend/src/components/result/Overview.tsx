"use client";

import { type PointerEvent, useEffect, useRef } from "react";
import { coloursOf } from "@/ecg/colours";
import { decimate, extremes } from "@/ecg/decimate";
import type { Playhead } from "@/ecg/playhead";
import type { Result } from "@/ecg/result";
import { type Viewport, within } from "@/ecg/viewport";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import { useTheme } from "@/state/theme";
import { useWidth } from "./width";

interface Props {
  result: Result;
  playhead: Playhead;
  view: Viewport;
  setView: (view: Viewport) => void;
}

const HEIGHT = 52;

/** The whole recording in a strip: drag along it to scrub. */
export function Overview({ result, playhead, view, setView }: Props) {
  const { result: words } = useMessages();
  const format = useFormat();
  const theme = useTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  const line = useRef<HTMLDivElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  const width = useWidth(slider);
  const { duration } = result;

  useEffect(() => {
    if (canvas.current && width) draw(canvas.current, result, width);
  }, [result, width, theme]);

  useEffect(
    () =>
      playhead.subscribe((time) => {
        if (line.current) line.current.style.transform = `translateX(${(time / duration) * width}px)`;
        slider.current?.setAttribute("aria-valuenow", time.toFixed(1));
        slider.current?.setAttribute("aria-valuetext", format.clock(time));
      }),
    [playhead, duration, width, format],
  );

  const scrub = (event: PointerEvent): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const time = ((event.clientX - box.left) / box.width) * duration;
    setView(within({ from: time - view.span / 2, span: view.span }, duration));
    playhead.seek(time);
  };
  const share = (seconds: number): string => `${(Math.min(seconds, duration) / duration) * 100}%`;

  return (
    <div
      ref={slider}
      role="slider"
      tabIndex={0}
      aria-label={words.overview}
      aria-valuemin={0}
      aria-valuemax={Number(duration.toFixed(1))}
      aria-valuenow={0}
      className="no-print relative mt-2 cursor-ew-resize touch-none overflow-hidden rounded-lg border border-line bg-sunken"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        scrub(event);
      }}
      onPointerMove={(event) => event.buttons > 0 && scrub(event)}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        playhead.seek(playhead.time + step);
      }}
    >
      <canvas ref={canvas} height={HEIGHT} className="block h-13 w-full" />
      <div
        className="absolute inset-y-0 rounded-md border-2 border-accent bg-accent/10"
        style={{ left: share(view.from), width: share(view.span) }}
      />
      <div ref={line} className="absolute inset-y-0 left-0 w-0.5 bg-accent" />
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, result: Result, width: number): void {
  const ratio = window.devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const context = canvas.getContext("2d");
  if (!context) return;
  const colours = coloursOf(document.documentElement);
  const [low, high] = extremes(result.waveform);
  const drawn = decimate(result.waveform, 0, result.duration, canvas.width);
  for (const [line, colour] of [[drawn.sure, colours.muted], [drawn.doubtful, colours.doubt]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = ratio;
    context.beginPath();
    line.forEach((value, at) => {
      if (value === null) return;
      const x = ((drawn.x[at] as number) / result.duration) * canvas.width;
      const y = ((high - value) / (high - low || 1)) * (canvas.height - 8 * ratio) + 4 * ratio;
      if (at === 0 || line[at - 1] === null) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
    context.stroke();
  }
}
