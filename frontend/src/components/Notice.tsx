import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";

const TONES = {
  bad: "bg-bad-soft text-bad",
  warn: "bg-warn-soft text-warn",
  info: "bg-info-soft text-info",
  good: "bg-good-soft text-good",
} as const;

export type Tone = keyof typeof TONES;

interface Props {
  tone: Tone;
  heading: string;
  text?: string;
  icon?: IconName;
  /** The whole page is this notice, so its heading is the page's. */
  whole?: boolean;
  /** What can be done about it. */
  children?: ReactNode;
}

/** A state of a page or a part of it, with what to do next. */
export function Notice({ tone, heading, text, icon = "warning", whole = false, children }: Props) {
  const Heading = whole ? "h1" : "h2";
  return (
    <section role={tone === "bad" ? "alert" : "status"} className="rounded-2xl border border-line bg-surface p-6">
      <div className="flex gap-4">
        <span className={`grid size-11 place-items-center rounded-full ${TONES[tone]}`}>
          <Icon name={icon} className="size-6" />
        </span>
        <div className="min-w-0 flex-1">
          <Heading className="text-lg font-semibold">{heading}</Heading>
          {text && <p className="mt-1 max-w-prose text-muted">{text}</p>}
          {children && <div className="mt-4 flex flex-wrap items-center gap-3">{children}</div>}
        </div>
      </div>
    </section>
  );
}
