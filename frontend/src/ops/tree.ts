/** The environment as a tree, and what of it somebody should look at. */
import type { Health, Ops, Stack, Sync } from "./status";

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
  for (const stack of status?.stacks ?? []) found.push(...ofStack(environment, stack));
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

function ofStack(environment: string, stack: Stack): Concern[] {
  const events = `ecgctl events ${environment} ${stack.name}`;
  const found = ofPart(
    stack.name,
    stack.sync,
    stack.health,
    stack.differences,
    events,
    `ecgctl diff ${environment} --live`,
  );
  if (stack.drift?.status === "DRIFTED") {
    const command = `ecgctl drift ${environment} --on-drift revert`;
    found.push({ subject: stack.name, cause: "changed by hand since it was applied (DRIFTED)", command, severe: false });
  }
  return found;
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

