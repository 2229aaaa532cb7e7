"use client";

import * as Toast from "@radix-ui/react-toast";
import { useMessages } from "@/i18n/language";
import { end, type Told, told } from "@/state/notices";
import { useStore } from "@/state/store";
import { Icon } from "./Icon";

const NOTHING: readonly Told[] = [];

/** Loaded once the page is alive: its parts carry inline styles, which an exported page may not. */
export default function Toasts() {
  const { list } = useMessages();
  const shown = useStore(told, NOTHING);
  return (
    <Toast.Provider swipeDirection="right" label={list.notices}>
      {shown.map((one) => (
        <Toast.Root
          key={one.key}
          duration={one.ms}
          onOpenChange={(open) => !open && end(one, one.after)}
          className="flex items-center gap-4 rounded-xl border border-line bg-surface py-2 pr-2 pl-4 shadow-lg"
        >
          <Toast.Title className="min-w-0 flex-1 truncate text-sm">{one.text}</Toast.Title>
          {one.action && (
            <Toast.Action
              altText={one.action.label}
              onClick={(event) => {
                event.preventDefault();
                end(one, one.action?.run);
              }}
              className="min-h-9 rounded-lg px-3 text-sm font-semibold text-accent hover:bg-accent-soft"
            >
              {one.action.label}
            </Toast.Action>
          )}
          <Toast.Close
            aria-label={list.close}
            className="grid size-9 place-items-center rounded-lg text-muted hover:bg-sunken"
          >
            <Icon name="close" className="size-4" />
          </Toast.Close>
        </Toast.Root>
      ))}
      <Toast.Viewport label={list.notices} className="no-print fixed right-0 bottom-0 z-30 m-4 flex w-[min(26rem,calc(100vw-2rem))] flex-col gap-2 outline-none" />
    </Toast.Provider>
  );
}
