import { expect, test } from "vitest";
import { asProblem, Problem, problemOf } from "@/api/problem";

test("a problem document's code and reference are kept, and when to ask again", async () => {
  const body = JSON.stringify({ code: "service_unavailable", detail: "Later.", request_id: "r-1" });
  const problem = await problemOf(new Response(body, { status: 503, headers: { "Retry-After": "5" } }));
  expect(problem).toMatchObject({ kind: "server", code: "service_unavailable", requestId: "r-1", retryAfterS: 5 });
});

test("a proxy's page of HTML is a problem like any other", async () => {
  expect((await problemOf(new Response("<html>", { status: 502 }))).kind).toBe("server");
});

test.each([
  [401, "signed-out"],
  [403, "forbidden"],
  [404, "not-found"],
  [409, "not-ready"],
  [422, "refused"],
  [429, "busy"],
  [500, "server"],
])("status %i means %s", async (status, kind) => {
  expect((await problemOf(new Response(null, { status }))).kind).toBe(kind);
});

test("half a document is unreadable, a broken connection is nobody there", () => {
  expect(asProblem(new SyntaxError("Unexpected end")).kind).toBe("unreadable");
  expect(asProblem(new TypeError("fetch failed")).kind).toBe("unreachable");
});

test("only what passes by itself is tried again", () => {
  expect(new Problem("busy").passing).toBe(true);
  expect(new Problem("refused").passing).toBe(false);
});
