"use client";

import { useRouter } from "next/navigation";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { getApps } from "@/api/client";
import type { ServeAppChoice } from "@/api/types";
import { useMessages } from "@/i18n/language";
import { useLoaded } from "@/state/loaded";
import { useStore } from "@/state/store";
import { ACCEPT } from "@/upload/files";
import { add, remove, type Upload, uploads } from "@/upload/uploads";
import { Button } from "../Button";
import { Icon } from "../Icon";
import { UploadRow } from "./UploadRow";

const NONE: readonly Upload[] = [];

export function UploadPanel() {
  const { upload: words } = useMessages();
  const picker = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const apps = useLoaded("apps", getApps).value?.apps ?? [];
  const [picked, setPicked] = useState<string | undefined>();
  const app = apps.length > 1 ? (picked ?? apps.find((one) => one.default)?.name) : undefined;
  const all = useStore(uploads, NONE);
  useResultOfOnlyUpload(all);

  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    add(event.dataTransfer.files, app);
  };

  return (
    <section aria-labelledby="upload-heading">
      <div
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
        className={`grid justify-items-center gap-3 rounded-2xl border-2 border-dashed px-6 py-10 text-center transition-colors ${over ? "border-accent bg-accent-soft" : "border-line bg-surface"}`}
      >
        <span className="grid size-12 place-items-center rounded-full bg-accent-soft text-accent">
          <Icon name="upload" className="size-6" />
        </span>
        {/* Nothing can be dragged on a phone. */}
        <p className="font-medium pointer-coarse:hidden">{over ? words.dropNow : words.drop}</p>
        <Button look="solid" onClick={() => picker.current?.click()}>
          {words.choose}
        </Button>
        <input
          ref={picker}
          type="file"
          accept={ACCEPT}
          multiple
          className="sr-only"
          tabIndex={-1}
          aria-label={words.choose}
          onChange={(event) => {
            add(event.target.files ?? [], app);
            event.target.value = "";
          }}
        />
        <p className="max-w-prose text-sm text-balance text-muted">{words.rules}</p>
        {apps.length > 1 && <AppChoice apps={apps} value={app} choose={setPicked} />}
      </div>
      {all.length > 0 && (
        <ul aria-label={words.list} className="mt-4 grid gap-2">
          {all.map((one) => (
            <UploadRow key={one.key} upload={one} app={app} />
          ))}
        </ul>
      )}
    </section>
  );
}

function AppChoice(props: { apps: ServeAppChoice[]; value: string | undefined; choose: (name: string) => void }) {
  const { upload: words } = useMessages();
  return (
    <label className="flex items-center gap-2 text-sm text-muted">
      {words.app}
      <select
        value={props.value}
        onChange={(event) => props.choose(event.target.value)}
        className="min-h-9 rounded-lg border border-line bg-surface px-2 text-ink"
      >
        {props.apps.map((app) => (
          <option key={app.name} value={app.name}>
            {app.name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Who uploads one video wants to see it; who uploads many stays with the list. What is done leaves the uploads. */
function useResultOfOnlyUpload(all: readonly Upload[]): void {
  const router = useRouter();
  useEffect(() => {
    const done = all.filter((one) => one.state === "done");
    const [first] = all;
    if (first?.alone && first.state === "done" && all.length === 1) router.push(`/result?id=${first.id}`);
    for (const one of done) remove(one.key);
  }, [all, router]);
}
