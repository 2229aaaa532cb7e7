"use client";

import * as Menu from "@radix-ui/react-dropdown-menu";
import type { RefObject } from "react";
import { waveformCsv } from "@/ecg/csv";
import { pictureOf } from "@/ecg/picture";
import type { Result } from "@/ecg/result";
import { useMessages } from "@/i18n/language";
import { printLight } from "@/state/theme";
import { Button } from "../Button";
import { Icon } from "../Icon";

interface Props {
  name: string;
  result: Result;
  document: unknown;
  pictureRef: RefObject<HTMLCanvasElement | null>;
}

export function Downloads({ name, result, document, pictureRef }: Props) {
  const { result: words } = useMessages();
  const stem = name.replace(/\.[^.]+$/, "");
  const savePicture = async (): Promise<void> => {
    const notice = `${words.noticeHeading}. ${words.notice}`;
    const drawn = pictureRef.current && (await pictureOf(pictureRef.current, name, notice));
    if (drawn) save(drawn, `${stem}.png`);
  };
  const saveSamples = (): void => save(new Blob([waveformCsv(result)], { type: "text/csv" }), `${stem}.csv`);
  const saveDocument = (): void =>
    save(new Blob([JSON.stringify(document)], { type: "application/json" }), `${stem}.json`);
  return (
    <div className="no-print flex gap-2">
      {/* Not modal: the modal form writes a style element, which the page's security policy refuses. */}
      <Menu.Root modal={false}>
        <Menu.Trigger asChild>
          <Button size="small">
            <Icon name="download" className="size-4" />
            {words.download}
          </Button>
        </Menu.Trigger>
        <Menu.Portal>
          <Menu.Content
            align="end"
            sideOffset={6}
            className="z-20 rounded-xl border border-line bg-surface p-1 text-sm shadow-lg"
          >
            <Item label={words.png} select={() => void savePicture()} />
            <Item label={words.csv} select={saveSamples} />
            <Item label={words.json} select={saveDocument} />
          </Menu.Content>
        </Menu.Portal>
      </Menu.Root>
      <Button size="small" onClick={printLight}>
        <Icon name="print" className="size-4" />
        {words.print}
      </Button>
    </div>
  );
}

function Item({ label, select }: { label: string; select: () => void }) {
  return (
    <Menu.Item
      onSelect={select}
      className="cursor-pointer rounded-lg px-3 py-2 outline-none data-highlighted:bg-accent-soft data-highlighted:text-accent"
    >
      {label}
    </Menu.Item>
  );
}

function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = window.document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
