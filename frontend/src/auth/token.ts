/** The tokens of the sign-in, for as long as this tab lives. */
const KEY = "access-token";

export interface Tokens {
  /** What the API takes. */
  access: string;
  seconds: number;
  /** What another access token is got with; providers need not give one. */
  refresh: string | null;
}

export interface Kept {
  token: string;
  /** Epoch milliseconds. */
  until: number;
  refresh?: string | null;
}

/** The access token, or null where there is none or it is over. */
export function bearer(): string | null {
  const now = kept();
  return now && now.until > Date.now() ? now.token : null;
}

/** What is kept, over or not. */
export function kept(): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}

export function keep({ access, seconds, refresh }: Tokens): void {
  const until = Date.now() + seconds * 1000;
  sessionStorage.setItem(KEY, JSON.stringify({ token: access, until, refresh } satisfies Kept));
}

/** Renew no more: the access token is used to its end. */
export function forgetRefresh(): void {
  const now = kept();
  if (now) sessionStorage.setItem(KEY, JSON.stringify({ ...now, refresh: null } satisfies Kept));
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
}
