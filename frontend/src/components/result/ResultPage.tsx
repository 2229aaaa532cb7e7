"use client";

import Link from "next/link";
import { useSearchParams } from "next/navigation";
import { useEffect, useMemo } from "react";
import { getResult, takeCookies } from "@/api/client";
import { Problem } from "@/api/problem";
import type { Video } from "@/api/types";
import { readResult } from "@/ecg/result";
import { useMessages } from "@/i18n/language";
import { useLiveVideo } from "@/state/live";
import { useLoaded } from "@/state/loaded";
import { Notice } from "../Notice";
import { ProblemNotice } from "../ProblemNotice";
import { Progress } from "../Progress";
import { StateBadge } from "../StateBadge";
import { Waiting } from "../Waiting";
import { ResultView } from "./ResultView";

export function ResultPage() {
  const { result: words } = useMessages();
  const id = useSearchParams().get("id");
  if (!id) {
    return (
      <Notice whole tone="info" icon="missing" heading={words.noId} text={words.noIdWhat}>
        <Link href="/" className="text-accent underline">
          {words.another}
        </Link>
      </Notice>
    );
  }
  return <OneVideo key={id} id={id} />;
}

function OneVideo({ id }: { id: string }) {
  const { result: words, problem: problemWords } = useMessages();
  const { video, problem, again } = useLiveVideo(id);
  if (!video) {
    return problem ? <ProblemNotice whole problem={problem} again={again} /> : <Waiting label={words.loading} />;
  }
  return (
    <div className="grid gap-6">
      <div>
        <Link href="/" className="no-print text-sm text-accent hover:underline">
          ← {problemWords.back}
        </Link>
        <div className="mt-1 flex flex-wrap items-center gap-3">
          <h1 className="min-w-0 text-2xl font-semibold tracking-tight break-all">{video.name}</h1>
          <StateBadge state={video.state} />
        </div>
      </div>
      {problem && <ProblemNotice problem={problem} again={again} />}
      <Standing video={video} />
    </div>
  );
}

/** What there is to see of a video, by how far it is. */
function Standing({ video }: { video: Video }) {
  const { result: words, failure } = useMessages();
  switch (video.state) {
    case "done":
      return <Done video={video} />;
    case "failed":
      return (
        <Notice
          tone="bad"
          heading={words.failedHeading}
          text={failure[video.error?.code ?? ""] ?? video.error?.message ?? ""}
        >
          <Link href="/" className="text-accent underline">
            {words.another}
          </Link>
        </Notice>
      );
    case "deleted":
      return <ProblemNotice problem={new Problem("not-found")} />;
    default:
      return <Running video={video} />;
  }
}

function Running({ video }: { video: Video }) {
  const { result: words, stage, state } = useMessages();
  const { progress } = video;
  const now = progress ? (stage[progress.stage] ?? progress.stage) : state[video.state];
  return (
    <section role="status" className="rounded-2xl border border-line bg-surface p-6">
      <h2 className="text-lg font-semibold">{words.waitingHeading}</h2>
      <p className="mt-1 text-muted">{words.waitingWhat}</p>
      <div className="mt-5 max-w-lg">
        <Progress label={now} value={video.state === "analysing" && progress ? progress.fraction : null} />
        <p className="mt-2 text-sm text-muted">{now}</p>
      </div>
    </section>
  );
}

/** ms between signed cookies: they last for an hour, and people look at a recording for longer. */
const COOKIES_MS = 20 * 60_000;

function Done({ video }: { video: Video }) {
  const { result: words } = useMessages();
  const { value, problem, again } = useLoaded(`result ${video.id}`, async (signal) => {
    const [document] = await Promise.all([
      getResult(video.id, signal),
      takeCookies().catch(() => null), // without them only the video and the picture are missing
    ]);
    return { document, result: readResult(document) };
  });
  useEffect(() => {
    const timer = window.setInterval(() => void takeCookies().catch(() => null), COOKIES_MS);
    return () => window.clearInterval(timer);
  }, []);
  const source = video.links.source ?? null;
  const view = useMemo(
    () => value && <ResultView video={video} source={source} result={value.result} document={value.document} />,
    [value, video, source],
  );
  if (problem) return <ProblemNotice problem={problem} again={again} />;
  return view ?? <Waiting label={words.loading} />;
}
