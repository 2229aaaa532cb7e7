"use client";

import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import { remove, retry, type Upload } from "@/upload/uploads";
import { Button } from "../Button";
import { Progress } from "../Progress";

export function UploadRow({ upload, app }: { upload: Upload; app: string | undefined }) {
  const { upload: words } = useMessages();
  const { name } = upload.file;
  const wrong = upload.state === "failed" || upload.state === "unfit";
  return (
    <li className="rounded-xl border border-line bg-surface p-4">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1">
          <p className="truncate font-medium">{name}</p>
          <UploadState upload={upload} />
        </div>
        {upload.state === "failed" && (
          <Button size="small" onClick={() => retry(upload.key, app)}>
            {words.retry}
          </Button>
        )}
        <Button
          size="small"
          look="quiet"
          aria-label={wrong ? undefined : words.cancelNamed(name)}
          onClick={() => remove(upload.key)}
        >
          {wrong ? words.dismiss : words.cancel}
        </Button>
      </div>
      {!wrong && (
        <div className="mt-3">
          <Progress label={words.progress(name)} value={upload.file.size ? upload.sent / upload.file.size : null} />
        </div>
      )}
    </li>
  );
}

function UploadState({ upload }: { upload: Upload }) {
  const { upload: words, problem: problems, failure } = useMessages();
  const format = useFormat();
  const { sent, problem, unfit } = upload;
  const { size } = upload.file;
  switch (upload.state) {
    case "unfit":
      return (
        <p role="alert" className="text-sm text-bad">
          {unfit && words.unfit[unfit]}
        </p>
      );
    case "failed":
      return (
        <p role="alert" className="text-sm text-bad">
          {failure[problem?.code ?? ""] ??
            `${problems[problem?.kind ?? "server"]}. ${problem?.passing ? words.resumes : (problem?.detail ?? "")}`}
        </p>
      );
    case "sending":
      return (
        <p className="text-sm text-muted tabular-nums">
          {words.sending(format.percent(sent / size), format.bytes(sent), format.bytes(size))}
        </p>
      );
    case "waiting":
      return <p className="text-sm text-muted">{words.waiting}</p>;
    case "finishing":
      return <p className="text-sm text-muted">{words.finishing}</p>;
    case "done":
      return <p className="text-sm text-good">{words.done}</p>;
  }
}
