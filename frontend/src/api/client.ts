/** Calls to the API: one place for the token, the deadline and what can go wrong. */
import { freshBearer, renewed } from "../auth/renewal";
import { forget } from "../auth/token";
import { asProblem, Problem, problemOf } from "./problem";
import type {
  AppList,
  CreatedVideo,
  Me,
  NewVideo,
  PageConfig,
  UploadedPart,
  Video,
  VideoList,
} from "./types";

const DEADLINE_MS = 20_000;

interface Call {
  method?: string;
  body?: unknown;
  signal?: AbortSignal;
  keepalive?: boolean;
}

/** Ask the API as whoever is signed in; once more where it does not take the token and there is another to be had. */
export async function ask(path: string, headers: Record<string, string>, init: RequestInit): Promise<Response> {
  const asked = (token: string | null): Promise<Response> =>
    fetch(path, {
      ...init,
      headers: token ? { ...headers, Authorization: `Bearer ${token}` } : headers,
      cache: "no-store",
    });
  const token = await freshBearer();
  const answer = await asked(token);
  const other = answer.status === 401 && token ? await renewed(token) : null;
  return other ? asked(other) : answer;
}

/** Call the API; the answer's JSON. Throws Problem, or AbortError where `signal` ended it. */
export async function call<T>(path: string, { method = "GET", body, signal, keepalive }: Call = {}): Promise<T> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const answer = await ask(path, body === undefined ? {} : { "Content-Type": "application/json" }, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      keepalive,
    });
    if (!answer.ok) throw await problemOf(answer);
    if (answer.status === 204) return undefined as T;
    return (await answer.json()) as T;
  } catch (thrown) {
    if (signal?.aborted) throw signal.reason;
    const problem = asProblem(thrown);
    if (problem.kind === "signed-out") forget();
    throw problem;
  }
}

/** The same, or null where this API does not have the route yet. */
async function ifThere<T>(path: string, options: Call = {}): Promise<T | null> {
  try {
    return await call<T>(path, options);
  } catch (thrown) {
    if (thrown instanceof Problem && (thrown.kind === "not-found" || thrown.status === 405)) return null;
    throw thrown;
  }
}

export const listVideos = (cursor?: string | null, signal?: AbortSignal): Promise<VideoList> =>
  call(`/api/videos?limit=50${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`, { signal });

export const getVideo = (id: string, signal?: AbortSignal): Promise<Video> => call(videoPath(id), { signal });

export const getResult = (id: string, signal?: AbortSignal): Promise<unknown> =>
  call(`${videoPath(id)}/result`, { signal });

export const createVideo = (video: NewVideo, signal?: AbortSignal): Promise<CreatedVideo> =>
  call("/api/videos", { method: "POST", body: video, signal });

export const completeVideo = (id: string, parts: UploadedPart[] | null, signal?: AbortSignal): Promise<Video> =>
  call(`${videoPath(id)}/complete`, { method: "POST", body: parts ? { parts } : {}, signal });

export const deleteVideo = (id: string): Promise<void> => call(videoPath(id), { method: "DELETE", keepalive: true });

export const getConfig = (): Promise<PageConfig | null> => ifThere("/api/config");

export const getMe = (): Promise<Me | null> => ifThere("/api/me");

export const getApps = (): Promise<AppList | null> => ifThere("/api/apps");

export const getOps = (signal?: AbortSignal): Promise<unknown> => call("/api/ops/status", { signal });

/** CloudFront's signed cookies for the owner's videos and pictures. */
export const takeCookies = (): Promise<unknown> => ifThere("/api/cookies", { method: "POST" });

export const dropCookies = (): Promise<unknown> => ifThere("/api/cookies", { method: "DELETE", keepalive: true });

export const videoPath = (id: string): string => `/api/videos/${encodeURIComponent(id)}`;
