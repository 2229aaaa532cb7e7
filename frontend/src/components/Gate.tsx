"use client";

import type { ReactNode } from "react";
import { signIn, useSession } from "@/auth/session";
import { useMessages } from "@/i18n/language";
import { Button } from "./Button";
import { Notice } from "./Notice";
import { Waiting } from "./Waiting";

interface Props {
  /** What is behind the gate is the whole page, so its notice has the page's heading. */
  whole?: boolean;
  children: ReactNode;
}

/** What is for people who are signed in, where there is sign-in at all. */
export function Gate({ whole = false, children }: Props) {
  const words = useMessages();
  const session = useSession();
  if (session.kind === "asking") return <Waiting label={words.result.loading} />;
  if (session.kind !== "signed-out") return children;
  return (
    <Notice
      whole={whole}
      tone={session.refused ? "bad" : "info"}
      icon={session.refused ? "warning" : "heart"}
      heading={session.refused ? words.session.failed : words.session.welcome}
      text={session.refused ? words.session.failedWhat : words.session.welcomeWhat}
    >
      <Button look="solid" onClick={() => void signIn(session.config.sign_in)}>
        {words.session.signIn}
      </Button>
    </Notice>
  );
}
