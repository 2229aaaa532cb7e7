"use client";

import { useState } from "react";
import type { Video } from "@/api/types";
import { useMessages } from "@/i18n/language";
import { tell } from "@/state/notices";
import { deleteLater, useVideos } from "@/state/videos";
import { Button } from "../Button";
import { ProblemNotice } from "../ProblemNotice";
import { Waiting } from "../Waiting";
import { FILTERS, type Filter, passes } from "./filter";
import { VideoRow } from "./VideoRow";

export function VideoListPanel() {
  const { list: words, result } = useMessages();
  const { videos, problem, loading, again, more, hide, restore } = useVideos();
  const [text, setText] = useState("");
  const [filter, setFilter] = useState<Filter>("all");
  const shown = videos.filter((video) => passes(video, filter, text));

  const remove = (video: Video): void => {
    const { now, undo } = deleteLater(video.id, () => {
      restore(video.id);
      tell(words.notRemoved(video.name));
    });
    hide(video.id);
    tell(words.removed(video.name), {
      after: now,
      action: {
        label: words.undo,
        run: () => {
          undo();
          restore(video.id);
        },
      },
    });
  };

  return (
    <section aria-labelledby="list-heading">
      <div className="flex flex-wrap items-center gap-3">
        <h2 id="list-heading" className="mr-auto text-xl font-semibold tracking-tight">
          {words.heading}
        </h2>
        {videos.length > 0 && (
          <>
            <input
              type="search"
              value={text}
              onChange={(event) => setText(event.target.value)}
              placeholder={words.filter}
              aria-label={words.filter}
              className="min-h-10 w-full rounded-lg border border-line bg-surface px-3 text-sm placeholder:text-muted sm:w-56"
            />
            <FilterChoice value={filter} choose={setFilter} />
          </>
        )}
      </div>
      <div className="mt-4 grid gap-3">
        {problem && <ProblemNotice problem={problem} again={again} />}
        {loading && <Waiting label={result.loading} />}
        {!loading && !problem && videos.length === 0 && <Empty />}
        {videos.length > 0 && shown.length === 0 && <p className="py-8 text-center text-muted">{words.noMatch}</p>}
        {shown.length > 0 && (
          <ul className="divide-y divide-line overflow-hidden rounded-2xl border border-line bg-surface">
            {shown.map((video) => (
              <VideoRow key={video.id} video={video} remove={remove} />
            ))}
          </ul>
        )}
        {more && (
          <Button onClick={more} className="justify-self-center">
            {words.more}
          </Button>
        )}
      </div>
    </section>
  );
}

function FilterChoice({ value, choose }: { value: Filter; choose: (filter: Filter) => void }) {
  const { list: words } = useMessages();
  return (
    <div role="group" aria-label={words.state} className="flex rounded-lg border border-line bg-surface p-0.5">
      {FILTERS.map((filter) => (
        <button
          key={filter}
          type="button"
          aria-pressed={value === filter}
          onClick={() => choose(filter)}
          className="min-h-9 rounded-md px-3 text-sm text-muted hover:text-ink aria-pressed:bg-accent-soft aria-pressed:font-medium aria-pressed:text-accent"
        >
          {words[filter]}
        </button>
      ))}
    </div>
  );
}

function Empty() {
  const { list: words } = useMessages();
  return (
    <div className="rounded-2xl border border-line bg-surface px-6 py-12 text-center">
      <p className="font-medium">{words.none}</p>
      <p className="mt-1 text-sm text-muted">{words.noneWhat}</p>
    </div>
  );
}
