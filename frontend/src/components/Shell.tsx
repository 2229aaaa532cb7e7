"use client";

import dynamic from "next/dynamic";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { type ReactNode, useEffect } from "react";
import { begin, mayOperate, signIn, signOut, useSession } from "@/auth/session";
import { LANGUAGES, type Language, speak, useLanguage, useMessages } from "@/i18n/language";
import { useTheme, wear } from "@/state/theme";
import { Button } from "./Button";
import { Icon } from "./Icon";

const Toasts = dynamic(() => import("./Toasts"), { ssr: false });

/** What surrounds every page: who you are, where you are, how it looks. */
export function Shell({ children }: { children: ReactNode }) {
  const words = useMessages();
  const language = useLanguage();
  useEffect(() => {
    void begin();
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);

  return (
    <>
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:m-2 focus:rounded-lg focus:bg-surface focus:px-4 focus:py-2"
      >
        {words.nav.skip}
      </a>
      <header className="no-print border-b border-line bg-surface">
        {/* Two rows on a phone from the start: what turns up once the person is known moves nothing below it. */}
        <div className="mx-auto flex max-w-6xl flex-wrap items-center gap-x-2 gap-y-1 px-4 py-3 sm:gap-x-6 sm:px-6">
          <Link href="/" className="flex flex-1 items-center gap-2.5 font-semibold whitespace-nowrap sm:flex-none">
            <img src="/icon.svg" alt="" width={28} height={28} />
            {words.title}
          </Link>
          <Navigation />
          <div className="order-1 ml-auto flex items-center gap-1 sm:order-none">
            <LanguageChoice />
            <ThemeSwitch />
          </div>
          <div className="order-3 flex items-center empty:hidden sm:order-none sm:-ml-4">
            <Account />
          </div>
        </div>
      </header>
      <main id="content" className="mx-auto min-h-screen max-w-6xl px-4 py-8 sm:px-6">
        {children}
      </main>
      <footer className="mx-auto max-w-6xl px-4 pb-10 text-sm text-muted sm:px-6">
        <p className="border-t border-line pt-4">
          <strong className="font-semibold text-ink">{words.result.noticeHeading}.</strong> {words.result.noticeShort}
        </p>
      </footer>
      <Toasts />
    </>
  );
}

function Navigation() {
  const { nav } = useMessages();
  const here = usePathname();
  const session = useSession();
  const pages = [["/", nav.videos] as const, ...(mayOperate(session) ? [["/ops", nav.operations] as const] : [])];
  return (
    <nav aria-label={nav.label} className="order-2 flex min-h-10 flex-1 basis-3/5 items-center gap-1 text-sm sm:order-none sm:flex-none sm:basis-auto">
      {pages.map(([path, label]) => (
        <Link
          key={path}
          href={path}
          prefetch={false}
          aria-current={here === path ? "page" : undefined}
          className="rounded-lg px-3 py-2 font-medium text-muted hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent"
        >
          {label}
        </Link>
      ))}
    </nav>
  );
}

function LanguageChoice() {
  const { look } = useMessages();
  const language = useLanguage();
  return (
    <select
      aria-label={look.language}
      value={language}
      onChange={(event) => speak(event.target.value as Language)}
      className="min-h-10 rounded-lg border border-transparent bg-transparent px-2 text-sm text-muted hover:text-ink"
    >
      {Object.entries(LANGUAGES).map(([tag, { name }]) => (
        <option key={tag} value={tag} lang={tag}>
          {name}
        </option>
      ))}
    </select>
  );
}

function ThemeSwitch() {
  const { look } = useMessages();
  const theme = useTheme();
  const other = theme === "dark" ? "light" : "dark";
  const label = other === "dark" ? look.toDark : look.toLight;
  return (
    <Button look="quiet" aria-label={label} title={label} onClick={() => wear(other)} className="w-10 px-0">
      <Icon name={other === "dark" ? "moon" : "sun"} />
    </Button>
  );
}

function Account() {
  const { session: words } = useMessages();
  const session = useSession();
  if (session.kind === "signed-in") {
    return (
      <>
        <span className="hidden px-2 text-sm text-muted sm:inline">{session.me.name}</span>
        <Button look="quiet" onClick={() => void signOut(session.config.sign_in)}>
          {words.signOut}
        </Button>
      </>
    );
  }
  if (session.kind !== "signed-out") return null;
  return (
    <Button look="solid" onClick={() => void signIn(session.config.sign_in)}>
      {words.signIn}
    </Button>
  );
}
