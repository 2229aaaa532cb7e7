/** The OpenID Connect code flow with PKCE (RFC 7636), as far as a page without a server needs it. */
import { problemOf } from "../api/problem";
import type { SignInConfig } from "../api/types";
import type { Tokens } from "./token";

const STATE = "sign-in";

interface Begun {
  state: string;
  verifier: string;
  /** The path to come back to. */
  back: string;
}

export class SignInRefused extends Error {}

/** Where to send the browser; what has to be remembered until it comes back is kept in this tab. */
export async function authorizationUrl(config: SignInConfig, origin: string, back: string): Promise<string> {
  const begun: Begun = { state: random(), verifier: random() + random(), back };
  sessionStorage.setItem(STATE, JSON.stringify(begun));
  const url = new URL(config.authorization_endpoint ?? "");
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: config.client_id ?? "",
    redirect_uri: callbackUrl(origin),
    scope: scopesOf(config),
    state: begun.state,
    code_challenge: await challengeOf(begun.verifier),
    code_challenge_method: "S256",
  }).toString();
  return url.toString();
}

/** Whether the browser comes from the sign-in page: `query` is its answer. */
export const isAnswer = (query: URLSearchParams): boolean =>
  query.has("state") && (query.has("code") || query.has("error"));

/** Trade the answer's code for tokens. Throws SignInRefused, or Problem where the provider is at fault. */
export async function redeem(
  config: SignInConfig,
  query: URLSearchParams,
  origin: string,
): Promise<{ tokens: Tokens; back: string }> {
  const begun = JSON.parse(sessionStorage.getItem(STATE) ?? "null") as Begun | null;
  sessionStorage.removeItem(STATE);
  if (query.get("error")) throw new SignInRefused(query.get("error_description") ?? query.get("error") ?? "");
  const code = query.get("code");
  if (!begun || !code || query.get("state") !== begun.state) throw new SignInRefused("state");
  const tokens = await tokensFor(config, {
    grant_type: "authorization_code",
    code,
    redirect_uri: callbackUrl(origin),
    code_verifier: begun.verifier,
  });
  return { tokens, back: begun.back };
}

/** Other tokens for a refresh token (RFC 6749, section 6). Throws as `redeem` does. */
export const refreshed = (config: SignInConfig, refresh: string): Promise<Tokens> =>
  tokensFor(config, { grant_type: "refresh_token", refresh_token: refresh });

const DEADLINE_MS = 20_000;

/** Ask the token endpoint, as a client without a secret. */
async function tokensFor(config: SignInConfig, grant: Record<string, string>): Promise<Tokens> {
  const answer = await fetch(config.token_endpoint ?? "", {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ ...grant, client_id: config.client_id ?? "" }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  if (answer.status === 429 || answer.status >= 500) throw await problemOf(answer);
  if (!answer.ok) throw new SignInRefused(String(answer.status));
  const told = (await answer.json()) as { access_token: string; expires_in?: number; refresh_token?: string };
  return { access: told.access_token, seconds: told.expires_in ?? 3600, refresh: told.refresh_token ?? null };
}

/** BASE64URL(SHA256(verifier)), RFC 7636 section 4.2. */
export async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** Where the sign-in page sends people back to; the identity stack names it. */
const callbackUrl = (origin: string): string => `${origin}/`;

const scopesOf = (config: SignInConfig): string => (config.scopes ?? ["openid"]).join(" ");

const random = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
