/** The language that the page speaks: what was chosen, else the browser's, else English. */
import { Store, useStore } from "../state/store";
import { en, type Messages } from "./en";
import { ko } from "./ko";

export const LANGUAGES = { en, ko } as const satisfies Record<string, Messages>;
export type Language = keyof typeof LANGUAGES;

const KEY = "language";

/** The first of `wanted` (such as `ko-KR`) that the page speaks. */
export function chosen(kept: string | null, wanted: readonly string[]): Language {
  const known = [kept ?? "", ...wanted].map((tag) => tag.split("-")[0] ?? "").find((tag) => tag in LANGUAGES);
  return (known as Language | undefined) ?? "en";
}

const language = new Store<Language>(
  typeof window === "undefined" ? "en" : chosen(localStorage.getItem(KEY), navigator.languages),
);

export function speak(to: Language): void {
  localStorage.setItem(KEY, to);
  document.documentElement.lang = to;
  language.set(to);
}

// The page is exported in English; it changes once it is alive.
export const useLanguage = (): Language => useStore(language, "en");

export const useMessages = (): Messages => LANGUAGES[useLanguage()];
