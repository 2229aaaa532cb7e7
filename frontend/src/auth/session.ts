/** Who is using the page, and whether anybody has to sign in. */
import { dropCookies, getConfig, getMe } from "../api/client";
import { asProblem } from "../api/problem";
import type { Me, PageConfig, SignInConfig } from "../api/types";
import { Store, useStore } from "../state/store";
import { authorizationUrl, isAnswer, redeem } from "./pkce";
import { freshBearer, renewThrough } from "./renewal";
import { forget, keep } from "./token";

export type Session =
  | { kind: "asking" }
  /** An API without sign-in: everybody is the same person. */
  | { kind: "open"; environment: string | null }
  | { kind: "signed-out"; config: PageConfig; refused?: boolean }
  | { kind: "signed-in"; config: PageConfig; me: Me };

const ASKING: Session = { kind: "asking" };
const session = new Store<Session>(ASKING);

export const useSession = (): Session => useStore(session, ASKING);

/** Ask the API how things stand. Where it does not answer, the pages say so with what they ask for themselves. */
export async function begin(): Promise<void> {
  let config: PageConfig | null = null;
  try {
    config = await getConfig();
    if (!config || config.sign_in.kind === "none") {
      session.set({ kind: "open", environment: config?.environment ?? null });
      return;
    }
    renewThrough(config.sign_in);
    const answer = new URLSearchParams(window.location.search);
    if (isAnswer(answer)) {
      await comeBack(config, answer);
      return;
    }
    if (!(await freshBearer())) {
      session.set({ kind: "signed-out", config });
      return;
    }
    const me = await getMe();
    session.set(me ? { kind: "signed-in", config, me } : { kind: "signed-out", config });
  } catch (thrown) {
    const signedOut = config && asProblem(thrown).kind === "signed-out";
    session.set(signedOut && config ? { kind: "signed-out", config } : { kind: "open", environment: null });
  }
}

/** From the sign-in page to where the person left; the code does not stay in the address. */
async function comeBack(config: PageConfig, answer: URLSearchParams): Promise<void> {
  try {
    const { tokens, back } = await redeem(config.sign_in, answer, window.location.origin);
    keep(tokens);
    window.location.replace(back);
  } catch {
    window.history.replaceState(null, "", "/");
    session.set({ kind: "signed-out", config, refused: true });
  }
}

/** Leave for the sign-in page, to come back to where we are. */
export async function signIn(config: SignInConfig): Promise<void> {
  const here = window.location.pathname + window.location.search;
  window.location.assign(await authorizationUrl(config, window.location.origin, here));
}

export async function signOut(config: SignInConfig): Promise<void> {
  await dropCookies().catch(() => undefined); // they end by themselves within the hour
  forget();
  if (!config.end_session_endpoint) {
    void begin();
    return;
  }
  const url = new URL(config.end_session_endpoint);
  url.searchParams.set("client_id", config.client_id ?? "");
  url.searchParams.set("logout_uri", `${window.location.origin}/`);
  window.location.assign(url);
}

/** May this person see the operations page? Where nobody signs in, everybody may. */
export function mayOperate(session: Session): boolean {
  return session.kind === "open" || (session.kind === "signed-in" && session.me.roles.includes("operator"));
}
