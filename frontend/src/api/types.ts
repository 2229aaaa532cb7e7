/** The API's own types, and those of routes that an older API may not have yet. */
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Video = Schemas["VideoView"];
export type VideoList = Schemas["VideoList"];
export type CreatedVideo = Schemas["CreatedVideo"];
export type NewVideo = Schemas["NewVideo"];
export type UploadedPart = Schemas["UploadedPart"];
export type JobState = Schemas["JobState"];

export interface SignInConfig {
  kind: "oidc" | "none";
  issuer?: string;
  client_id?: string;
  authorization_endpoint?: string;
  token_endpoint?: string;
  end_session_endpoint?: string;
  scopes?: string[] | string;
}

export interface PageConfig {
  environment: string;
  sign_in: SignInConfig;
}

export interface Me {
  sub: string;
  name: string;
  roles: string[];
}

export interface ServeAppChoice {
  name: string;
  route_prefix: string;
  version: string;
  state: "healthy" | "degraded" | "deploying" | "unknown";
  reason: string;
  canary: unknown;
  default: boolean;
}

export interface AppList {
  apps: ServeAppChoice[];
  as_of: string | null;
  stale: boolean;
}

/** States in which nothing changes any more. */
export const isFinal = (state: JobState): boolean => state === "done" || state === "failed" || state === "deleted";
