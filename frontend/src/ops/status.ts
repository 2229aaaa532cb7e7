/** `GET /api/ops/status`: what apply, drift and the GPU box last wrote, as far as the page reads it. */

export type Sync = "Synced" | "OutOfSync" | "Missing" | "Unknown";
export type HealthStatus = "Healthy" | "Progressing" | "Degraded" | "Suspended" | "Missing" | "Unknown";

export interface Health {
  status: HealthStatus;
  reason: string;
}

export interface Stack {
  name: string;
  /** Null where Git does not want it. */
  wave: number | null;
  sync: Sync;
  health: Health;
  status: string;
  changed: string | null;
  differences: string[];
  drift: { status: string; at: string | null } | null;
  resources: { name: string; kind: string; health: Health }[];
}

export interface App {
  name: string;
  sync: Sync;
  health: Health;
  status: string;
  version: string;
}

export interface EnvironmentStatus {
  environment: string;
  region: string;
  at: string;
  sync: Sync;
  health: Health;
  revision: string | null;
  deployment: string | null;
  notes: string[];
  stacks: Stack[];
  apps: App[];
  box: { sync: Sync; health: Health; differences: string[] } | null;
  /** Newest first. Statuses of older releases have none. */
  deployments?: Deployment[];
  /** As `ecgctl drift` last found it; null where nobody looked yet. */
  drift?: Drift | null;
}

export interface Drift {
  at: string;
  drifted: boolean;
  coverage: { resources: number; compared: number };
  resources: {
    stack: string;
    resource: string;
    /** A JSON pointer; empty where the whole resource is gone. */
    property: string;
    template: string;
    live: string;
    /** The rule that excuses it. */
    ignored: string | null;
  }[];
  /** Stack -> why it could not be looked at. */
  unread: Record<string, string>;
}

export interface Deployment {
  id: string;
  commit: string | null;
  began: string;
  seconds: number | null;
  outcome: Outcome;
  who?: string;
  /** Stacks. */
  changed?: string[];
  note?: string;
  error?: string;
}

/** `running` is what begun and did not say how it ended, too. */
export type Outcome = "running" | "succeeded" | "failed" | "interrupted";

export interface Canary {
  version: string | null;
  percent: number;
  compare: string | null;
  requests: number;
  errors: number;
  mismatches: number;
  since: string;
  until: string | null;
  verdict: string;
}

export interface BoxReport {
  updated_at?: string;
  conditions: { type: string; status: "True" | "False"; reason: string; message: string; since: string }[];
  apps: Record<
    string,
    {
      status: string;
      message: string;
      version: string | null;
      deployments: Record<string, { status: string; message: string; replicas: Record<string, number> }>;
      canary?: Canary;
    }
  >;
  device: { kind: string; name?: string } | null;
}

export interface Ops {
  environment: string;
  as_of: string;
  status: EnvironmentStatus | null;
  status_stale: boolean;
  box: BoxReport | null;
  box_stale: boolean;
  queue: { waiting: number; in_flight: number; dead_letters: number } | null;
  monthly_cost_usd: number | null;
}
