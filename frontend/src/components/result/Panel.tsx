import { type ReactNode, useId } from "react";

/** A part of the result with its heading. */
export function Panel({ heading, aside, children }: { heading: string; aside?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="keep-whole min-w-0 rounded-2xl border border-line bg-surface">
      <div className="flex flex-wrap items-center justify-between gap-3 px-5 pt-4">
        <h2 id={id} className="text-base font-semibold">
          {heading}
        </h2>
        {aside}
      </div>
      <div className="p-5 pt-3">{children}</div>
    </section>
  );
}
