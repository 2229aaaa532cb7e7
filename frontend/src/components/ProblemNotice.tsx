"use client";

import Link from "next/link";
import { useEffect, useState } from "react";
import type { Problem, ProblemKind } from "@/api/problem";
import { signIn, useSession } from "@/auth/session";
import { useFormat } from "@/i18n/format";
import { useMessages } from "@/i18n/language";
import { Button } from "./Button";
import type { IconName } from "./Icon";
import { Notice, type Tone } from "./Notice";

const LOOKS: Record<ProblemKind, { tone: Tone; icon: IconName }> = {
  offline: { tone: "warn", icon: "offline" },
  unreachable: { tone: "warn", icon: "offline" },
  "signed-out": { tone: "info", icon: "missing" },
  forbidden: { tone: "warn", icon: "suspended" },
  "not-found": { tone: "info", icon: "missing" },
  "not-ready": { tone: "info", icon: "clock" },
  busy: { tone: "warn", icon: "clock" },
  server: { tone: "bad", icon: "warning" },
  refused: { tone: "bad", icon: "warning" },
  unreadable: { tone: "bad", icon: "warning" },
};

interface Props {
  problem: Problem;
  again?: () => void;
  /** The whole page is this notice. */
  whole?: boolean;
}

/** What went wrong with a call, in words for the person, and the way out. */
export function ProblemNotice({ problem, again, whole = false }: Props) {
  const { problem: words, session: sessionWords } = useMessages();
  const session = useSession();
  const { tone, icon } = LOOKS[problem.kind];
  const signedOut = problem.kind === "signed-out" && session.kind !== "open" && session.kind !== "asking";
  return (
    <Notice whole={whole} tone={tone} icon={icon} heading={words[problem.kind]} text={words[`${problem.kind}What`]}>
      {signedOut && (
        <Button look="solid" onClick={() => void signIn(session.config.sign_in)}>
          {sessionWords.signIn}
        </Button>
      )}
      {again && !signedOut && <Again key={String(problem.retryAfterS)} problem={problem} again={again} />}
      {problem.kind === "not-found" && (
        <Link href="/" className="text-accent underline">
          {words.back}
        </Link>
      )}
      {problem.requestId && (
        <p className="w-full text-sm text-muted">
          {words.reference}: <code className="font-mono break-all">{problem.requestId}</code>
        </p>
      )}
    </Notice>
  );
}

/** Asks again: at once, or by itself when the service said when. */
function Again({ problem, again }: { problem: Problem; again: () => void }) {
  const { problem: words } = useMessages();
  const format = useFormat();
  const [left, setLeft] = useState(problem.kind === "busy" ? Math.ceil(problem.retryAfterS ?? 0) : 0);
  useEffect(() => {
    if (left <= 0) return;
    const timer = window.setTimeout(() => {
      setLeft(left - 1);
      if (left === 1) again();
    }, 1000);
    return () => window.clearTimeout(timer);
  }, [left, again]);
  return (
    <Button look="solid" disabled={left > 0} onClick={again}>
      {left > 0 ? words.retryIn(format.number(left)) : words.retry}
    </Button>
  );
}
