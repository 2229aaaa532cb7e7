"use client";

import { useRef, useState } from "react";
import type { Video } from "@/api/types";
import { Playhead } from "@/ecg/playhead";
import type { Result } from "@/ecg/result";
import { useMessages } from "@/i18n/language";
import { BeatsTable } from "./BeatsTable";
import { Downloads } from "./Downloads";
import { Facts } from "./Facts";
import { Findings } from "./Findings";
import { IntervalsTable } from "./IntervalsTable";
import { Screen } from "./Screen";
import { Tachogram } from "./Tachogram";
import { WaveformPanel } from "./WaveformPanel";

interface Props {
  video: Video;
  source: string | null;
  result: Result;
  document: unknown;
}

export function ResultView({ video, source, result, document }: Props) {
  const { result: words } = useMessages();
  const [playhead] = useState(() => new Playhead(result.duration));
  const pictureRef = useRef<HTMLCanvasElement | null>(null);
  return (
    <div className="grid gap-6">
      <p className="rounded-xl border border-line bg-warn-soft px-4 py-3 text-sm text-ink">
        <strong className="font-semibold text-warn">{words.noticeHeading}.</strong> {words.notice}
      </p>
      <div className="grid gap-6 lg:grid-cols-[minmax(0,1.15fr)_minmax(0,1fr)]">
        <Screen source={source} overlay={result.overlay} playhead={playhead} />
        <Facts result={result} />
      </div>
      <Findings result={result} />
      <WaveformPanel
        result={result}
        playhead={playhead}
        pictureRef={pictureRef}
        actions={<Downloads name={video.name} result={result} document={document} pictureRef={pictureRef} />}
      />
      <div className="grid items-start gap-6 lg:grid-cols-2">
        <Tachogram result={result} playhead={playhead} />
        <IntervalsTable result={result} />
      </div>
      <BeatsTable result={result} playhead={playhead} />
    </div>
  );
}
