/** The access token, for as long as this tab lives. */
const KEY = "access-token";

interface Kept {
  token: string;
  /** Epoch milliseconds. */
  until: number;
}

/** The token, or null where there is none or it is over. */
export function bearer(): string | null {
  const kept = read();
  return kept && kept.until > Date.now() ? kept.token : null;
}

/** Keep a token for `seconds`. */
export function keep(token: string, seconds: number): void {
  sessionStorage.setItem(KEY, JSON.stringify({ token, until: Date.now() + seconds * 1000 } satisfies Kept));
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
}

function read(): Kept | null {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}
