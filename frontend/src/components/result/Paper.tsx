"use client";

import { type KeyboardEvent, type PointerEvent, type RefObject, useEffect, useRef, useState } from "react";
import { amplitudes, EcgChart, MARGIN, plotHeight, type Sheet } from "@/ecg/chart";
import { coloursOf } from "@/ecg/colours";
import type { Caliper } from "@/ecg/measures";
import type { Playhead } from "@/ecg/playhead";
import type { Result } from "@/ecg/result";
import { following, type Viewport, within, zoomed } from "@/ecg/viewport";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import { useTheme } from "@/state/theme";
import { Calipers } from "./Calipers";

interface Props {
  result: Result;
  playhead: Playhead;
  pictureRef: RefObject<HTMLCanvasElement | null>;
  sheet: Sheet;
  setView: (view: Viewport) => void;
  /** Hears the plot's width in pixels. */
  setWidth: (width: number) => void;
  measuring: boolean;
}

/** Pixels that a finger may tremble and still mean a click. */
const CLICK_PX = 4;

export function Paper({ result, playhead, pictureRef, sheet, setView, setWidth, measuring }: Props) {
  const { result: words } = useMessages();
  const format = useFormat();
  const theme = useTheme();
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<EcgChart | null>(null);
  const line = useRef<HTMLDivElement>(null);
  const [width, setOuterWidth] = useState(0);
  const [caliper, setCaliper] = useState<Caliper | null>(null);
  const latest = useRef({ sheet, setView });
  const inner = Math.max(1, width - MARGIN.left - MARGIN.right);

  useEffect(() => {
    latest.current = { sheet, setView };
  });

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      setOuterWidth(element.clientWidth);
      setWidth(element.clientWidth - MARGIN.left - MARGIN.right);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [setWidth]);

  const drawable = width > 0;
  useEffect(() => {
    const element = host.current;
    if (!element || !drawable) return;
    const made = new EcgChart(
      element,
      result,
      coloursOf(document.documentElement),
      format.clock,
      latest.current.sheet,
      element.clientWidth,
    );
    chart.current = made;
    pictureRef.current = made.canvas;
    return () => {
      chart.current = null;
      made.destroy();
    };
  }, [result, format, theme, drawable, pictureRef]);

  const { view, speed, gain } = sheet;
  useEffect(() => {
    // As wide as it is now: the width that was told may be of a layout before.
    const now = host.current?.clientWidth || width;
    chart.current?.show({ view: { from: view.from, span: view.span }, speed, gain }, now);
  }, [view.from, view.span, speed, gain, width]);

  // The line moves without React; the paper turns its page when the line leaves it.
  useEffect(
    () =>
      playhead.subscribe((time) => {
        const { sheet: now, setView: turn } = latest.current;
        const next = following(now.view, time, result.duration);
        if (next !== now.view && next.from !== now.view.from) turn(next);
        place(line.current, time, next, inner);
      }),
    [playhead, result, inner],
  );
  useEffect(() => place(line.current, playhead.time, view, inner), [playhead, view, inner]);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const wheel = (event: WheelEvent): void => {
      const now = latest.current.sheet.view;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const x = event.clientX - element.getBoundingClientRect().left - MARGIN.left;
        const at = now.from + (x / inner) * now.span;
        latest.current.setView(zoomed(now, Math.exp(event.deltaY / 300), at, result.duration));
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        const from = now.from + (event.deltaX / inner) * now.span;
        latest.current.setView(within({ from, span: now.span }, result.duration));
      }
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, [inner, result]);

  const drag = useDrag({ view, inner, duration: result.duration, setView, seek: (time) => playhead.seek(time) });

  const key = (event: KeyboardEvent): void => {
    const step = event.shiftKey ? view.span / 2 : view.span / 20;
    const acts: Record<string, () => void> = {
      ArrowLeft: () => playhead.seek(playhead.time - step),
      ArrowRight: () => playhead.seek(playhead.time + step),
      Home: () => playhead.seek(0),
      End: () => playhead.seek(result.duration),
      "+": () => setView(zoomed(view, 0.5, playhead.time, result.duration)),
      "-": () => setView(zoomed(view, 2, playhead.time, result.duration)),
      " ": () => playhead.toggle(),
    };
    const act = acts[event.key];
    if (!act || event.target !== event.currentTarget) return;
    event.preventDefault();
    act();
  };

  const height = plotHeight(result.waveform, gain);
  const unit = result.waveform.unit;
  return (
    <div
      role="application"
      tabIndex={0}
      aria-label={words.waveformLabel(format.clock(view.from), format.clock(view.from + view.span))}
      onKeyDown={key}
      className="relative touch-pan-y select-none"
    >
      <div ref={host} style={{ height: height + MARGIN.top + MARGIN.bottom }} />
      <div
        className={`absolute overflow-hidden ${measuring ? "cursor-crosshair" : "cursor-grab active:cursor-grabbing"}`}
        style={{ left: MARGIN.left, right: MARGIN.right, top: MARGIN.top, height }}
        {...(measuring ? {} : drag)}
      >
        <div ref={line} className="pointer-events-none absolute inset-y-0 left-0 w-0.5 -translate-x-px bg-accent" />
        {measuring && (
          <Calipers
            caliper={caliper}
            setCaliper={setCaliper}
            view={view}
            amplitudes={amplitudes(result.waveform, gain)}
            width={inner}
            height={height}
            unit={unit}
          />
        )}
      </div>
    </div>
  );
}

function place(line: HTMLElement | null, time: number, view: Viewport, inner: number): void {
  if (!line) return;
  const x = ((time - view.from) / view.span) * inner;
  line.style.transform = `translateX(${x}px)`;
}

interface Dragging {
  view: Viewport;
  inner: number;
  duration: number;
  setView: (view: Viewport) => void;
  seek: (time: number) => void;
}

/** One finger moves the paper, two zoom it, a click goes there. */
function useDrag({ view, inner, duration, setView, seek }: Dragging) {
  const held = useRef(new Map<number, number>());
  const begun = useRef<{ view: Viewport; x: number; moved: boolean } | null>(null);
  const timeAt = (from: Viewport, x: number): number => from.from + (x / inner) * from.span;
  const xOf = (event: PointerEvent): number => event.clientX - event.currentTarget.getBoundingClientRect().left;
  const end = (event: PointerEvent): void => {
    held.current.delete(event.pointerId);
    if (begun.current && !begun.current.moved && event.type === "pointerup") seek(timeAt(view, xOf(event)));
    begun.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent): void => {
      event.currentTarget.setPointerCapture(event.pointerId);
      held.current.set(event.pointerId, xOf(event));
      begun.current = { view, x: xOf(event), moved: held.current.size > 1 };
    },
    onPointerMove: (event: PointerEvent): void => {
      const before = held.current.get(event.pointerId);
      if (before === undefined || !begun.current) return;
      const x = xOf(event);
      const other = [...held.current].find(([id]) => id !== event.pointerId)?.[1];
      held.current.set(event.pointerId, x);
      if (other !== undefined) {
        const factor = Math.abs(before - other) / Math.max(1, Math.abs(x - other));
        setView(zoomed(view, factor, timeAt(view, (x + other) / 2), duration));
        return;
      }
      if (!begun.current.moved && Math.abs(x - begun.current.x) < CLICK_PX) return;
      begun.current.moved = true;
      const from = begun.current.view.from - ((x - begun.current.x) / inner) * view.span;
      setView(within({ from, span: view.span }, duration));
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}
