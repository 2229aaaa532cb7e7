"use client";

import Link from "next/link";
import type { Video } from "@/api/types";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import { Button } from "../Button";
import { Icon } from "../Icon";
import { Progress } from "../Progress";
import { StateBadge } from "../StateBadge";

export function VideoRow({ video, remove }: { video: Video; remove: (video: Video) => void }) {
  const { list: words, stage, failure } = useMessages();
  const format = useFormat();
  const { progress, error } = video;
  return (
    <li className="relative flex items-center gap-4 px-4 py-3 hover:bg-sunken/60 sm:px-5">
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <Link
            href={`/result?id=${video.id}`}
            prefetch={false}
            aria-label={words.open(video.name)}
            className="min-w-0 truncate font-medium after:absolute after:inset-0"
          >
            {video.name}
          </Link>
          <StateBadge state={video.state} />
        </div>
        <p className="mt-0.5 text-sm text-muted">
          <time dateTime={video.created_at} title={format.date(video.created_at)}>
            {format.ago(video.created_at)}
          </time>
          {" · "}
          {format.bytes(video.size)}
        </p>
        {video.state === "analysing" && progress && (
          <div className="mt-2 max-w-sm">
            <Progress label={stage[progress.stage] ?? progress.stage} value={progress.fraction} />
            <p className="mt-1 text-xs text-muted">{stage[progress.stage] ?? progress.stage}</p>
          </div>
        )}
        {error && <p className="mt-1 text-sm text-bad">{failure[error.code] ?? error.message}</p>}
      </div>
      <Button
        look="quiet"
        size="small"
        className="relative size-10 px-0"
        aria-label={words.removeNamed(video.name)}
        title={words.remove}
        onClick={() => remove(video)}
      >
        <Icon name="trash" />
      </Button>
    </li>
  );
}
