import { readFileSync } from "node:fs";
import openapi, { astToString, COMMENT_HEADER } from "openapi-typescript";
import { expect, test } from "vitest";

test("src/api/schema.ts is what services/api/openapi.json says; next: npm run types", async () => {
  const made = await openapi(new URL("../../../services/api/openapi.json", import.meta.url));
  expect(readFileSync("src/api/schema.ts", "utf8")).toBe(COMMENT_HEADER + astToString(made));
});
