import { expect, test } from "vitest";
import type { Canary, Deployment, Drift, Ops, Stack } from "@/ops/status";
import { canaryPace, concerns, waves } from "@/ops/tree";

const stack = (name: string, more: Partial<Stack> = {}): Stack => ({
  name,
  wave: 0,
  sync: "Synced",
  health: { status: "Healthy", reason: "" },
  status: "UPDATE_COMPLETE",
  changed: null,
  differences: [],
  drift: null,
  resources: [],
  ...more,
});

function ops(stacks: Stack[], more: Partial<Ops> = {}): Ops {
  const whole = { sync: "Synced", health: { status: "Healthy", reason: "" } } as const;
  const about = { environment: "dev", region: "us-east-1", at: "", revision: null, deployment: null, notes: [] };
  return {
    environment: "dev",
    as_of: "",
    status: { ...about, ...whole, stacks, apps: [], box: null },
    status_stale: false,
    box: null,
    box_stale: false,
    queue: null,
    monthly_cost_usd: null,
    ...more,
  };
}

test("stacks stand by wave, and what Git does not want stands last", () => {
  const found = waves([stack("api", { wave: 3 }), stack("old", { wave: null }), stack("network"), stack("data")]);
  expect(found.map((wave) => [wave.number, wave.stacks.length])).toEqual([
    [0, 2],
    [3, 1],
    [null, 1],
  ]);
});

test("where all is well there is nothing to look at", () => {
  expect(concerns(ops([stack("network")]))).toEqual([]);
});

test("a red stack names its cause and the command that shows more", () => {
  const sick = stack("api", { health: { status: "Degraded", reason: "0 of 2 tasks run" }, sync: "OutOfSync" });
  expect(concerns(ops([sick]))).toEqual([
    { subject: "api", cause: "0 of 2 tasks run", command: "ecgctl events dev api", severe: true },
  ]);
});

test("a healthy stack out of sync names what differs and how to see all of it", () => {
  const [found] = concerns(ops([stack("cdn", { sync: "OutOfSync", differences: ["page: src-1 to src-2"] })]));
  expect(found).toMatchObject({ cause: "page: src-1 to src-2", command: "ecgctl diff dev --live", severe: false });
});

test("what is broken stands before what merely differs", () => {
  const found = concerns(
    ops([
      stack("network", { drift: { status: "DRIFTED", at: null } }),
      stack("api", { health: { status: "Missing", reason: "no service" } }),
    ]),
  );
  expect(found.map((one) => one.subject)).toEqual(["api", "network"]);
});

test("jobs that were given up are a concern, jobs that wait are none", () => {
  const queue = { waiting: 3, in_flight: 0, dead_letters: 2 };
  expect(concerns(ops([], { queue })).map((one) => one.severe)).toEqual([true]);
});

test("an environment of which nothing was ever written has no concerns and no crash", () => {
  expect(concerns(ops([], { status: null }))).toEqual([]);
});

const drift: Drift = {
  at: "",
  drifted: true,
  coverage: { resources: 2, compared: 2 },
  resources: [
    { stack: "data", resource: "Queue", property: "/Timeout", template: "60", live: "30", ignored: null },
    { stack: "data", resource: "Table", property: "/Name", template: "a", live: "b", ignored: "known" },
    { stack: "data", resource: "Topic", property: "", template: "", live: "", ignored: null },
  ],
  unread: {},
};

test("what was changed by hand is told property by property, and what a rule excuses is not", () => {
  const whole = ops([stack("data", { drift: { status: "DRIFTED", at: null } })]);
  const found = concerns({ ...whole, status: whole.status && { ...whole.status, drift } });
  expect(found.map((one) => one.cause)).toEqual([
    "changed by hand: Queue/Timeout is 30, and 60 in the template",
    "removed by hand: Topic",
  ]);
});

test("a failed deployment is a concern until a later one ends well", () => {
  const failed: Deployment = { id: "i", commit: null, began: "", seconds: 3, outcome: "failed", error: "wave 4 failed\nno room\nmore" };
  const causes = (deployments: Deployment[]): string[] => {
    const whole = ops([]);
    return concerns({ ...whole, status: whole.status && { ...whole.status, deployments } }).map((one) => one.cause);
  };
  expect(causes([failed])).toEqual(["i failed: wave 4 failed: no room"]);
  expect(causes([{ ...failed, outcome: "succeeded" }, failed])).toEqual([]);
});

test("a trial's pace is told once half a minute has passed, and does not thin out after its end", () => {
  const trial = { requests: 90, since: "2026-01-01T00:00:00Z", until: "2026-01-01T00:10:00Z" } as Canary;
  const at = (clock: string): number | null => canaryPace(trial, Date.parse(`2026-01-01T${clock}Z`));
  expect([at("00:00:20"), at("00:03:00"), at("01:00:00")]).toEqual([null, 30, 9]);
});
