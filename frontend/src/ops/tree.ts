/** The environment as a tree, and what of it somebody should look at. */
import type { Canary, Drift, EnvironmentStatus, Health, Ops, Stack, Sync } from "./status";

export interface Wave {
  /** Null: stacks that Git does not want. */
  number: number | null;
  stacks: Stack[];
}

/** Stacks by wave, in the order in which an apply reaches them; strays last. */
export function waves(stacks: readonly Stack[]): Wave[] {
  const numbers = [...new Set(stacks.map((stack) => stack.wave))].sort((one, other) => rank(one) - rank(other));
  return numbers.map((number) => ({ number, stacks: stacks.filter((stack) => stack.wave === number) }));
}

const rank = (wave: number | null): number => wave ?? Infinity;

export interface Concern {
  /** What it is about: a stack, an app, the box, the queue. */
  subject: string;
  cause: string;
  /** What to run to see more, or to put it right. */
  command: string;
  severe: boolean;
}

/** Everything that is not as it should be, worst first. */
export function concerns(ops: Ops): Concern[] {
  const { environment, status, box, queue } = ops;
  const found: Concern[] = [];
  for (const stack of status?.stacks ?? []) found.push(...ofStack(environment, stack, status?.drift ?? null));
  found.push(...ofDeployments(environment, status));
  for (const app of status?.apps ?? []) {
    const command = `ecgctl serve status ${environment} ${app.name}`;
    found.push(...ofPart(app.name, app.sync, app.health, [], command, `ecgctl apply ${environment}`));
  }
  if (status?.box) {
    const { sync, health, differences } = status.box;
    const command = `ecgctl status ${environment} -o wide`;
    found.push(...ofPart("box", sync, health, differences, command, `ecgctl apply ${environment}`));
  }
  const degraded = box?.conditions.find((one) => one.type === "Degraded" && one.status === "True");
  if (degraded && status?.box?.health.status !== "Degraded") {
    const command = `ecgctl status ${environment} -o wide`;
    found.push({ subject: "box", cause: degraded.message || degraded.reason, command, severe: true });
  }
  if (queue && queue.dead_letters > 0) {
    const cause = `jobs given up after every attempt broke off: ${queue.dead_letters}`;
    found.push({ subject: "queue", cause, command: `ecgctl logs ${environment} api`, severe: true });
  }
  return found.sort((one, other) => Number(other.severe) - Number(one.severe));
}

/** A deployment that did not end well, unless a later one did. */
function ofDeployments(environment: string, status: EnvironmentStatus | null): Concern[] {
  const [last] = status?.deployments ?? [];
  if (last?.outcome !== "failed" && last?.outcome !== "interrupted") return [];
  // The first line says where it stopped, the second why.
  const why = last.error?.trim().split("\n").slice(0, 2).join(": ") || "see its record";
  const cause = `${last.commit?.slice(0, 10) ?? last.id} ${last.outcome}: ${why}`;
  return [{ subject: "deployment", cause, command: `ecgctl history ${environment}`, severe: true }];
}

/** What was changed by hand in a stack, property by property. */
export const driftOf = (drift: Drift | null | undefined, stack: string): Drift["resources"] =>
  (drift?.resources ?? []).filter((one) => one.stack === stack && !one.ignored);

function ofDrift(environment: string, stack: Stack, drift: Drift | null): Concern[] {
  const about = { subject: stack.name, command: `ecgctl drift ${environment} --on-drift revert`, severe: false };
  const found = driftOf(drift, stack.name).map(({ resource, property, template, live }) => ({
    ...about,
    cause: property
      ? `changed by hand: ${resource}${property} is ${live}, and ${template} in the template`
      : `removed by hand: ${resource}`,
  }));
  if (found.length || stack.drift?.status !== "DRIFTED") return found;
  return [{ ...about, cause: "changed by hand since it was applied (DRIFTED)" }];
}

/** Requests a minute that a trial has had; null before there is anything to tell. */
export function canaryPace({ requests, since, until }: Canary, now = Date.now()): number | null {
  const end = Math.min(now, until ? Date.parse(until) : now);
  const minutes = (end - Date.parse(since)) / 60_000;
  return minutes >= 0.5 ? requests / minutes : null;
}

function ofStack(environment: string, stack: Stack, drift: Drift | null): Concern[] {
  const events = `ecgctl events ${environment} ${stack.name}`;
  const found = ofPart(
    stack.name,
    stack.sync,
    stack.health,
    stack.differences,
    events,
    `ecgctl diff ${environment} --live`,
  );
  return [...found, ...ofDrift(environment, stack, drift)];
}

function ofPart(
  subject: string,
  sync: Sync,
  health: Health,
  differences: readonly string[],
  look: string,
  mend: string,
): Concern[] {
  if (!well(health)) {
    const severe = health.status === "Degraded" || health.status === "Missing";
    return [{ subject, cause: health.reason || health.status, command: look, severe }];
  }
  if (sync === "Synced") return [];
  return [{ subject, cause: differences[0] ?? sync, command: mend, severe: false }];
}

const well = (health: Health): boolean => health.status === "Healthy" || health.status === "Progressing";

