"use client";

import { useMessages } from "@/i18n/language";

/** What this is for. It stands in the page as it is delivered: there is something to read before anything is asked. */
export function Intro() {
  const { upload, tagline } = useMessages();
  return (
    <div>
      <h1 id="upload-heading" className="text-3xl font-semibold tracking-tight">
        {upload.heading}
      </h1>
      <p className="mt-2 max-w-3xl text-lg text-pretty text-muted">{tagline}</p>
    </div>
  );
}
