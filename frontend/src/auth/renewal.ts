/** Keeps a sign-in alive: another access token before the old one is over, without the person noticing. */
import type { SignInConfig } from "../api/types";
import { refreshed, SignInRefused } from "./pkce";
import { bearer, forgetRefresh, keep, kept } from "./token";

/** Renewed this long before its end, so that none runs out on its way to the API. */
const EARLY_MS = 60_000;

let provider: SignInConfig | null = null;
let underWay: Promise<string | null> | null = null;

/** Whom to ask for tokens; until this is known nothing is renewed. */
export function renewThrough(config: SignInConfig): void {
  provider = config;
}

/**
 * The access token to send, renewed where it is about to end; null where there is none.
 *
 * Renewed when it is needed, not by the clock: a tab that slept for hours goes on with its next call. Throws what the
 * provider's silence threw where the old token is over.
 */
export async function freshBearer(): Promise<string | null> {
  const now = kept();
  if (!now || now.until - EARLY_MS > Date.now()) return now?.token ?? null;
  try {
    return (await renewed(now.token)) ?? bearer();
  } catch (thrown) {
    const still = bearer();
    if (still) return still;
    throw thrown;
  }
}

/** A token in place of one that is not taken any more; null where the person has to sign in. */
export function renewed(refused: string): Promise<string | null> {
  const now = kept();
  if (now && now.token !== refused) return Promise.resolve(now.token); // another call renewed it meanwhile
  // Calls go side by side, but a refresh token may be good for one renewal only.
  underWay ??= renew().finally(() => {
    underWay = null;
  });
  return underWay;
}

async function renew(): Promise<string | null> {
  const refresh = kept()?.refresh;
  if (!provider || !refresh) return null;
  try {
    const tokens = await refreshed(provider, refresh);
    // Signed out while the provider answered: stay so.
    if (kept()?.refresh !== refresh) return null;
    keep({ ...tokens, refresh: tokens.refresh ?? refresh });
    return tokens.access;
  } catch (thrown) {
    if (!(thrown instanceof SignInRefused)) throw thrown;
    forgetRefresh();
    return null;
  }
}
