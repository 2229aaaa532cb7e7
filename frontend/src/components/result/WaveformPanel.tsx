"use client";

import "uplot/dist/uPlot.min.css";
import { type ReactNode, type RefObject, useState } from "react";
import type { Playhead } from "@/ecg/playhead";
import { BEAT_CLASSES, type Result } from "@/ecg/result";
import { GAINS, type Gain, paperSpan, SPEEDS, type Speed, type Viewport, within, zoomed } from "@/ecg/viewport";
import { useMessages } from "@/i18n/language";
import { Button } from "../Button";
import { Icon, type IconName } from "../Icon";
import { BEAT_TEXT } from "./Facts";
import { Overview } from "./Overview";
import { Paper } from "./Paper";
import { Panel } from "./Panel";

interface Props {
  result: Result;
  playhead: Playhead;
  pictureRef: RefObject<HTMLCanvasElement | null>;
  actions: ReactNode;
}

/** The waveform with everything to move about in it. */
export function WaveformPanel({ result, playhead, pictureRef, actions }: Props) {
  const { result: words } = useMessages();
  const [speed, setSpeed] = useState<Speed>(25);
  const [gain, setGain] = useState<Gain>(10);
  const [measuring, setMeasuring] = useState(false);
  const [width, setWidth] = useState(0);
  // Null: as wide as the paper is at this speed.
  const [view, setView] = useState<Viewport | null>(null);
  const shown = within(view ?? { from: 0, span: paperSpan(width, speed) }, result.duration);

  const zoom = (factor: number): void => {
    const at = playhead.time >= shown.from && playhead.time <= shown.from + shown.span ? playhead.time : middle(shown);
    setView(zoomed(shown, factor, at, result.duration));
  };
  const onPaper = (next: Speed): void => {
    setSpeed(next);
    setView(within({ from: shown.from, span: paperSpan(width, next) }, result.duration));
  };

  return (
    <Panel heading={words.waveform} aside={actions}>
      <div className="no-print mb-3 flex flex-wrap items-center gap-x-5 gap-y-2">
        <Choice label={words.speed} unit="mm/s" values={SPEEDS} value={speed} choose={onPaper} />
        <Choice
          label={words.gain}
          unit={`mm/${result.waveform.calibrated ? "mV" : result.waveform.unit}`}
          values={GAINS}
          value={gain}
          choose={setGain}
        />
        <div className="flex gap-1">
          <Tool icon="closer" label={words.zoomIn} use={() => zoom(0.5)} />
          <Tool icon="further" label={words.zoomOut} use={() => zoom(2)} />
          <Tool icon="whole" label={words.whole} use={() => setView({ from: 0, span: result.duration })} />
          <Tool
            icon="caliper"
            label={words.caliper}
            pressed={measuring}
            use={() => setMeasuring((before) => !before)}
          />
        </div>
      </div>
      <Paper
        result={result}
        playhead={playhead}
        pictureRef={pictureRef}
        sheet={{ view: shown, speed, gain }}
        setView={setView}
        setWidth={setWidth}
        measuring={measuring}
      />
      <Overview result={result} playhead={playhead} view={shown} setView={setView} />
      {measuring && <p className="no-print mt-2 text-sm text-muted">{words.caliperHelp}</p>}
      <Legend />
    </Panel>
  );
}

const middle = ({ from, span }: Viewport): number => from + span / 2;

interface ChoiceProps<T extends number> {
  label: string;
  unit: string;
  values: readonly T[];
  value: T;
  choose: (value: T) => void;
}

function Choice<T extends number>({ label, unit, values, value, choose }: ChoiceProps<T>) {
  return (
    <div role="group" aria-label={`${label}, ${unit}`} className="flex items-center gap-2 text-sm text-muted">
      <span className="flex rounded-lg border border-line p-0.5">
        {values.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === value}
            onClick={() => choose(one)}
            className="min-h-8 min-w-9 rounded-md px-2 tabular-nums hover:text-ink aria-pressed:bg-accent-soft aria-pressed:font-medium aria-pressed:text-accent"
          >
            {one}
          </button>
        ))}
      </span>
      {unit}
    </div>
  );
}

function Tool(props: { icon: IconName; label: string; use: () => void; pressed?: boolean }) {
  return (
    <Button
      look="quiet"
      className="size-10 px-0 aria-pressed:bg-accent-soft aria-pressed:text-accent"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      onClick={props.use}
    >
      <Icon name={props.icon} />
    </Button>
  );
}

function Legend() {
  const { result: words } = useMessages();
  return (
    <ul aria-label={words.legend} className="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
      {BEAT_CLASSES.map((kind) => (
        <li key={kind}>
          <b className={BEAT_TEXT[kind]}>{kind}</b> {words.beatClass[kind]}
        </li>
      ))}
      <li>
        <b className="text-doubt">?</b> {words.notSure}
      </li>
      <li className="flex items-center gap-1.5">
        <span className="h-0 w-6 border-t-2 border-dashed border-doubt" aria-hidden="true" /> {words.doubt}
      </li>
      <li className="flex items-center gap-1.5">
        <span
          className="h-3.5 w-6 bg-[repeating-linear-gradient(135deg,var(--gap)_0_1px,transparent_1px_5px)]"
          aria-hidden="true"
        />{" "}
        {words.gap}
      </li>
    </ul>
  );
}
