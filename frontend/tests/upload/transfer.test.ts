import { expect, test } from "vitest";
import { Problem } from "@/api/problem";
import type { CreatedVideo, UploadedPart } from "@/api/types";
import { type Put, RETRY_MS, transfer, type TransferPorts } from "@/upload/transfer";

const SIZE = 10;
const file = new Blob(["0123456789012345678901234"]);

function multipart(): CreatedVideo["upload"] {
  const parts = [1, 2, 3].map((number) => ({ number, size: number < 3 ? SIZE : 5, url: `part-${number}` }));
  return { kind: "multipart", method: "PUT", upload_id: "u", part_size: SIZE, parts, expires_at: "" };
}

/** S3 in memory, refusing what `refuse` says. */
class Bucket implements TransferPorts {
  readonly bodies = new Map<string, string>();
  readonly waits: number[] = [];
  kept: UploadedPart[] = [];

  constructor(private readonly refuse: (url: string) => Problem | null = () => null) {}

  put: Put = async (url, body, _headers, sent) => {
    const problem = this.refuse(url);
    if (problem) throw problem;
    this.bodies.set(url, await body.text());
    sent(body.size);
    return `"${url}"`;
  };
  wait = (ms: number): Promise<void> => {
    this.waits.push(ms);
    return Promise.resolve();
  };
  remember = (parts: UploadedPart[]): void => {
    this.kept = parts;
  };
}

const never = new AbortController().signal;

test("parts hold the file's bytes, and are listed in order to complete it with", async () => {
  const bucket = new Bucket();
  const heard: number[] = [];
  const parts = await transfer(file, multipart(), [], (bytes) => heard.push(bytes), bucket, never);
  expect(parts?.map((part) => part.number)).toEqual([1, 2, 3]);
  expect([1, 2, 3].map((number) => bucket.bodies.get(`part-${number}`)).join("")).toBe(await file.text());
  expect(Math.max(...heard)).toBe(file.size);
});

test("a part that fails in passing is sent again after a pause", async () => {
  let left = 2;
  const bucket = new Bucket((url) => (url === "part-2" && left-- > 0 ? new Problem("unreachable") : null));
  await transfer(file, multipart(), [], () => undefined, bucket, never);
  expect(bucket.waits).toEqual(RETRY_MS.slice(0, 2));
  expect(bucket.bodies.size).toBe(3);
});

test("what S3 refuses for good is not sent again", async () => {
  const bucket = new Bucket(() => new Problem("forbidden"));
  await expect(transfer(file, multipart(), [], () => undefined, bucket, never)).rejects.toThrow(Problem);
  expect(bucket.waits).toEqual([]);
});

test("an upload goes on with the parts that are missing", async () => {
  const broken = new Bucket((url) => (url === "part-3" ? new Problem("server") : null));
  await expect(transfer(file, multipart(), [], () => undefined, broken, never)).rejects.toThrow(Problem);
  const bucket = new Bucket();
  const parts = await transfer(file, multipart(), broken.kept, () => undefined, bucket, never);
  expect([...bucket.bodies.keys()]).toEqual(["part-3"]);
  expect(parts).toHaveLength(3);
});

test("a small file is one request with the headers that were signed", async () => {
  let seen: Record<string, string> = {};
  const bucket = new Bucket();
  const put: Put = (url, body, headers, sent, signal) => {
    seen = headers;
    return bucket.put(url, body, headers, sent, signal);
  };
  const headers = { "Content-Type": "video/mp4" };
  const upload = { kind: "single", method: "PUT", url: "whole", headers, expires_at: "" } as const;
  expect(await transfer(file, upload, [], () => undefined, { ...bucket, put }, never)).toBeNull();
  expect(seen).toEqual(headers);
});
