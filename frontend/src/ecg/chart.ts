/** The waveform on ECG paper: uPlot draws the lines, this draws the paper, the gaps, the doubt and the beats. */
import uPlot from "uplot";
import type { Colours } from "./colours";
import { decimate, doubtsOf, extremes, gapsOf, type Stretch } from "./decimate";
import type { Beat, Result, Waveform } from "./result";
import { type Gain, gridStep, PX_PER_MM, type Speed, type Viewport } from "./viewport";

/** Room around the plot, in pixels. */
export const MARGIN = { left: 46, right: 12, top: 26, bottom: 30 } as const;

/** Closer together than this (pixels), beats lose their letters. */
const LETTER_PX = 12;

export interface Sheet {
  view: Viewport;
  speed: Speed;
  gain: Gain;
}

/** Height of the plot that holds the whole trace with half a mV to spare, within what a screen has. */
export function plotHeight(wave: Waveform, gain: Gain): number {
  const [low, high] = extremes(wave);
  return Math.round(Math.min(440, Math.max(190, (high - low + 1) * gain * PX_PER_MM)));
}

/** Lowest and highest amplitude on a sheet of that height. */
export function amplitudes(wave: Waveform, gain: Gain): [number, number] {
  const [low, high] = extremes(wave);
  const half = plotHeight(wave, gain) / (PX_PER_MM * gain) / 2;
  return [(low + high) / 2 - half, (low + high) / 2 + half];
}

export class EcgChart {
  private readonly plot: uPlot;
  private readonly gaps: Stretch[];
  private readonly doubts: Stretch[];
  private sheet: Sheet;

  constructor(
    host: HTMLElement,
    private readonly result: Result,
    private readonly colours: Colours,
    clock: (seconds: number) => string,
    sheet: Sheet,
    private width: number,
  ) {
    this.sheet = sheet;
    this.gaps = gapsOf(result.waveform);
    this.doubts = doubtsOf(result.waveform);
    this.plot = new uPlot(this.options(clock), this.data(), host);
  }

  get canvas(): HTMLCanvasElement {
    return this.plot.ctx.canvas;
  }

  show(sheet: Sheet, width = this.width): void {
    const height = this.height(sheet);
    const resized = width !== this.width || sheet.gain !== this.sheet.gain;
    this.sheet = sheet;
    this.width = width;
    this.plot.batch(() => {
      if (resized) this.plot.setSize({ width, height });
      this.plot.setData(this.data(), false);
      this.plot.setScale("x", { min: sheet.view.from, max: sheet.view.from + sheet.view.span });
      const [low, high] = amplitudes(this.result.waveform, this.sheet.gain);
      this.plot.setScale("y", { min: low, max: high });
    });
  }

  destroy(): void {
    this.plot.destroy();
  }

  private height({ gain }: Sheet): number {
    return plotHeight(this.result.waveform, gain) + MARGIN.top + MARGIN.bottom;
  }

  private data(): uPlot.AlignedData {
    const { from, span } = this.sheet.view;
    const columns = (this.width - MARGIN.left - MARGIN.right) * uPlot.pxRatio;
    const { x, sure, doubtful } = decimate(this.result.waveform, from, from + span, columns);
    return [x, sure, doubtful];
  }

  private options(clock: (seconds: number) => string): uPlot.Options {
    const { colours } = this;
    const axis = { stroke: colours.muted, font: colours.font, grid: { show: false } };
    return {
      width: this.width,
      height: this.height(this.sheet),
      padding: [MARGIN.top, MARGIN.right, 0, 0],
      cursor: { show: false },
      legend: { show: false },
      scales: {
        x: { time: false, auto: false, range: () => [this.sheet.view.from, this.sheet.view.from + this.sheet.view.span] },
        y: { auto: false, range: () => amplitudes(this.result.waveform, this.sheet.gain) },
      },
      axes: [
        { ...axis, size: MARGIN.bottom, values: (_, seconds) => seconds.map((one) => clock(one)), space: 70 },
        { ...axis, size: MARGIN.left, space: 34 },
      ],
      series: [
        {},
        { stroke: colours.trace, width: 1.5, points: { show: false } },
        { stroke: colours.doubt, width: 1.5, dash: [5, 3], points: { show: false } },
      ],
      hooks: { drawClear: [(plot) => this.drawPaper(plot)], draw: [(plot) => this.drawBeats(plot)] },
    };
  }

  private drawPaper(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const { speed, gain, view } = this.sheet;
    ctx.save();
    ctx.fillStyle = this.colours.paper;
    ctx.fillRect(bbox.left, bbox.top, bbox.width, bbox.height);
    const { minor, major } = gridStep(bbox.width / uPlot.pxRatio / view.span / speed);
    const [low, high] = amplitudes(this.result.waveform, this.sheet.gain);
    for (const [step, colour] of [[minor, this.colours.minor], [major, this.colours.major]] as const) {
      ctx.strokeStyle = colour;
      ctx.lineWidth = uPlot.pxRatio;
      ctx.beginPath();
      for (const at of multiples(view.from, view.from + view.span, step / speed)) {
        const x = Math.round(plot.valToPos(at, "x", true)) + 0.5;
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
      }
      for (const at of multiples(low, high, (minor > 1 ? Math.min(step, 5) : step) / gain)) {
        const y = Math.round(plot.valToPos(at, "y", true)) + 0.5;
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width, y);
      }
      ctx.stroke();
    }
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    this.drawStretches(plot, this.gaps, this.colours.gap, true);
    this.drawStretches(plot, this.doubts, this.colours.doubt, false);
    ctx.restore();
  }

  /** Hatched where nothing was read, tinted where it is doubtful. */
  private drawStretches(plot: uPlot, stretches: readonly Stretch[], colour: string, hatched: boolean): void {
    const { ctx, bbox } = plot;
    const { from, span } = this.sheet.view;
    for (const stretch of stretches) {
      if (stretch.to < from || stretch.from > from + span) continue;
      const left = Math.max(bbox.left, plot.valToPos(stretch.from, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(stretch.to, "x", true));
      ctx.save();
      ctx.globalAlpha = 0.14;
      ctx.fillStyle = colour;
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      if (hatched) {
        ctx.beginPath();
        ctx.rect(left, bbox.top, right - left, bbox.height);
        ctx.clip();
        ctx.globalAlpha = 0.5;
        ctx.strokeStyle = colour;
        ctx.lineWidth = uPlot.pxRatio;
        ctx.beginPath();
        for (let x = left - bbox.height; x < right; x += 9 * uPlot.pxRatio) {
          ctx.moveTo(x, bbox.top + bbox.height);
          ctx.lineTo(x + bbox.height, bbox.top);
        }
        ctx.stroke();
      }
      ctx.restore();
    }
  }

  private drawBeats(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const { from, span } = this.sheet.view;
    const shown = this.result.beats.filter((beat) => beat.time >= from && beat.time <= from + span);
    const lettered = bbox.width / uPlot.pxRatio / Math.max(1, shown.length) >= LETTER_PX;
    ctx.save();
    ctx.font = this.colours.font.replace("12px", `600 ${12 * uPlot.pxRatio}px`);
    ctx.textAlign = "center";
    for (const beat of shown) this.drawBeat(plot, beat, lettered);
    ctx.fillStyle = this.colours.muted;
    ctx.textAlign = "left";
    ctx.font = this.colours.font.replace("12px", `${12 * uPlot.pxRatio}px`);
    ctx.fillText(this.result.waveform.unit, 6 * uPlot.pxRatio, 16 * uPlot.pxRatio);
    ctx.restore();
  }

  private drawBeat(plot: uPlot, beat: Beat, lettered: boolean): void {
    const { ctx, bbox } = plot;
    const x = plot.valToPos(beat.time, "x", true);
    const ordinary = beat.kind === "N" || beat.unsure;
    ctx.fillStyle = beat.unsure ? this.colours.doubt : this.colours.beat[beat.kind];
    ctx.globalAlpha = ordinary ? 0.5 : 0.8;
    ctx.fillRect(x - uPlot.pxRatio / 2, bbox.top, uPlot.pxRatio, ordinary ? 7 * uPlot.pxRatio : bbox.height);
    ctx.globalAlpha = 1;
    if (lettered || !ordinary) ctx.fillText(beat.kind + (beat.unsure ? "?" : ""), x, bbox.top - 8 * uPlot.pxRatio);
  }
}

function* multiples(from: number, to: number, step: number): Generator<number> {
  for (let count = Math.ceil(from / step); count * step <= to; count += 1) yield count * step;
}
