import { beforeEach, expect, test, vi } from "vitest";
import { call } from "@/api/client";
import type { SignInConfig } from "@/api/types";
import { freshBearer, renewThrough } from "@/auth/renewal";
import { keep, kept } from "@/auth/token";

const TOKEN_ENDPOINT = "https://provider.example/oauth2/token";
const CONFIG = { kind: "oidc", client_id: "page", token_endpoint: TOKEN_ENDPOINT } as SignInConfig;

/** What was asked, and how provider and API answer; both wait a turn, as a network does. */
class Net {
  grants: URLSearchParams[] = [];
  bearers: (string | null)[] = [];
  provider: () => Response = () => Response.json({ access_token: `new-${this.grants.length}`, expires_in: 3600 });
  api: (bearer: string | null) => number = () => 200;

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (url === TOKEN_ENDPOINT) {
      this.grants.push(init.body as URLSearchParams);
      return this.provider();
    }
    const bearer = new Headers(init.headers).get("Authorization")?.replace("Bearer ", "") ?? null;
    this.bearers.push(bearer);
    return Response.json({ code: "told" }, { status: this.api(bearer) });
  };
}

let net: Net;

beforeEach(() => {
  const stored = new Map<string, string>();
  net = new Net();
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  });
  vi.stubGlobal("fetch", net.fetch);
  vi.stubGlobal("navigator", { onLine: true });
  renewThrough(CONFIG);
});

const signedIn = (seconds: number, refresh: string | null = "r-1"): void => keep({ access: "old", seconds, refresh });
const kindOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "answered",
    (thrown: { kind: string }) => thrown.kind,
  );

test("a token with more than a minute left is used as it is", async () => {
  signedIn(61);
  expect(await freshBearer()).toBe("old");
  expect(net.grants).toEqual([]);
});

test("a token in its last minute is renewed with the refresh token, as a client without a secret", async () => {
  signedIn(59);
  expect(await freshBearer()).toBe("new-1");
  expect(Object.fromEntries(net.grants[0] ?? [])).toEqual({
    grant_type: "refresh_token",
    refresh_token: "r-1",
    client_id: "page",
  });
});

test("the refresh token stays where no other is given, and gives way where one is", async () => {
  signedIn(10);
  await freshBearer();
  expect(kept()?.refresh).toBe("r-1");
  net.provider = () => Response.json({ access_token: "newer", expires_in: 10, refresh_token: "r-2" });
  signedIn(10);
  await freshBearer();
  expect(kept()?.refresh).toBe("r-2");
});

test("calls side by side renew once, and all go on with the same token", async () => {
  signedIn(0);
  await Promise.all([call("/api/me"), call("/api/videos"), call("/api/apps")]);
  expect(net.grants).toHaveLength(1);
  expect(net.bearers).toEqual(["new-1", "new-1", "new-1"]);
});

test("a token that the API does not take is renewed and the call repeated, once", async () => {
  signedIn(3000);
  net.api = (bearer) => (bearer === "old" ? 401 : 200);
  await Promise.all([call("/api/me"), call("/api/videos")]);
  expect(net.grants).toHaveLength(1);
  net.api = () => 401;
  net.bearers = [];
  expect(await kindOf(call("/api/me"))).toBe("signed-out");
  expect(net.bearers).toEqual(["new-1", "new-2"]);
});

test("where the provider refuses, the call says that one has to sign in, and nothing is kept", async () => {
  signedIn(0);
  net.provider = () => Response.json({ error: "invalid_grant" }, { status: 400 });
  net.api = (bearer) => (bearer ? 200 : 401);
  expect(await kindOf(call("/api/me"))).toBe("signed-out");
  expect(kept()).toBeNull();
});

test("where the provider refuses early, the old token is used to its end and the provider left in peace", async () => {
  signedIn(30);
  net.provider = () => Response.json({ error: "invalid_grant" }, { status: 400 });
  expect([await freshBearer(), await freshBearer()]).toEqual(["old", "old"]);
  expect(net.grants).toHaveLength(1);
});

test("a provider at fault signs nobody out: the old token is used, and then the call is worth repeating", async () => {
  net.provider = () => new Response(null, { status: 503 });
  signedIn(30);
  expect(await freshBearer()).toBe("old");
  signedIn(0);
  expect(await kindOf(call("/api/me"))).toBe("server");
  expect(kept()?.refresh).toBe("r-1");
});

test("who was given no refresh token has to sign in once the token is over", async () => {
  signedIn(0, null);
  expect(await freshBearer()).toBeNull();
  expect(net.grants).toEqual([]);
});
