/** The waveform as it is on the screen, as a picture that still says what it is when it travels alone. */
import { coloursOf } from "./colours";

const PAD = 16;

export function pictureOf(chart: HTMLCanvasElement, name: string, notice: string): Promise<Blob | null> {
  const ratio = window.devicePixelRatio;
  const colours = coloursOf(document.documentElement);
  const made = document.createElement("canvas");
  const context = made.getContext("2d");
  if (!context) return Promise.resolve(null);
  const font = (px: number, weight = 400): string => colours.font.replace("12px", `${weight} ${px * ratio}px`);
  context.font = font(11);
  const lines = wrapped(context, notice, chart.width);
  made.width = chart.width + 2 * PAD * ratio;
  made.height = chart.height + (2 * PAD + 36 + lines.length * 15) * ratio;
  context.fillStyle = colours.paper;
  context.fillRect(0, 0, made.width, made.height);
  context.fillStyle = colours.ink;
  context.font = font(15, 600);
  context.fillText(name, PAD * ratio, (PAD + 14) * ratio);
  context.drawImage(chart, PAD * ratio, (PAD + 24) * ratio);
  context.font = font(11);
  context.fillStyle = colours.muted;
  const below = chart.height + (PAD + 42) * ratio;
  lines.forEach((line, at) => context.fillText(line, PAD * ratio, below + at * 15 * ratio));
  return new Promise((resolve) => made.toBlob(resolve, "image/png"));
}

function wrapped(context: CanvasRenderingContext2D, text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (context.measureText(longer).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
