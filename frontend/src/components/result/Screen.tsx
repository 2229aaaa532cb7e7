"use client";

import { useEffect, useRef, useState } from "react";
import type { Playhead } from "@/ecg/playhead";
import { useMessages } from "@/i18n/language";
import { Icon } from "../Icon";

interface Props {
  source: string | null;
  overlay: string | null;
  playhead: Playhead;
}

/** The video, and on demand the picture in which the reader drew what it saw. */
export function Screen({ source, overlay, playhead }: Props) {
  const { result: words } = useMessages();
  const [drawn, setDrawn] = useState(false);
  const [lost, setLost] = useState({ video: source === null, overlay: false });
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    return element ? playhead.attach(element) : undefined;
  }, [playhead, lost.video]);

  return (
    // A video prints as a black box, the annotated picture as what it is.
    <section
      aria-label={words.video}
      className={`overflow-hidden rounded-2xl border border-line bg-surface ${drawn ? "" : "no-print"}`}
    >
      <div className="relative grid aspect-video place-items-center bg-sunken">
        {lost.video || !source ? (
          <div role="status" className="max-w-sm p-6 text-center">
            <Icon name="missing" className="mx-auto size-8 text-muted" />
            <p className="mt-2 font-medium">{words.noVideo}</p>
            <p className="mt-1 text-sm text-muted">{words.noVideoWhat}</p>
          </div>
        ) : (
          <video
            ref={video}
            src={source}
            controls
            playsInline
            muted
            preload="metadata"
            aria-label={words.video}
            onError={() => setLost((before) => ({ ...before, video: true }))}
            className="size-full object-contain"
          />
        )}
        {drawn && overlay && !lost.overlay && (
          <img
            src={overlay}
            alt={words.overlayAlt}
            onError={() => setLost((before) => ({ ...before, overlay: true }))}
            className="absolute inset-0 size-full bg-sunken object-contain"
          />
        )}
      </div>
      {overlay && !lost.overlay && (
        <div className="no-print flex gap-1 border-t border-line p-2" role="group" aria-label={words.show}>
          {[
            { on: false, label: words.video },
            { on: true, label: words.overlay },
          ].map(({ on, label }) => (
            <button
              key={label}
              type="button"
              aria-pressed={drawn === on}
              onClick={() => setDrawn(on)}
              className="min-h-9 rounded-lg px-3 text-sm text-muted hover:text-ink aria-pressed:bg-accent-soft aria-pressed:font-medium aria-pressed:text-accent"
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </section>
  );
}
