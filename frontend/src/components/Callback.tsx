"use client";

import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { getConfig } from "@/api/client";
import { redeem } from "@/auth/pkce";
import { begin, signIn } from "@/auth/session";
import { keep } from "@/auth/token";
import { useMessages } from "@/i18n/language";
import type { PageConfig } from "@/api/types";
import { Button } from "./Button";
import { Notice } from "./Notice";
import { Waiting } from "./Waiting";

/** Where the sign-in page sends people back to. */
export function Callback() {
  const { session } = useMessages();
  const router = useRouter();
  const [failed, setFailed] = useState<{ config: PageConfig | null } | null>(null);

  useEffect(() => {
    let config: PageConfig | null = null;
    const finish = async (): Promise<void> => {
      config = await getConfig();
      if (!config) throw new Error("this service has no sign-in");
      const query = new URLSearchParams(window.location.search);
      const { token, seconds, back } = await redeem(config.sign_in, query, window.location.origin);
      keep(token, seconds);
      await begin();
      router.replace(back);
    };
    finish().catch(() => setFailed({ config }));
  }, [router]);

  if (!failed) return <Waiting label={session.finishing} />;
  const { config } = failed;
  return (
    <Notice tone="bad" heading={session.failed} text={session.failedWhat}>
      {config && <Button onClick={() => void signIn(config.sign_in)}>{session.signIn}</Button>}
    </Notice>
  );
}
