import { expect, test } from "vitest";
import { contentType, unfit } from "@/upload/files";

test("a phone that names no type is believed by the file's ending", () => {
  expect(contentType({ name: "IMG_2041.MOV", type: "" })).toBe("video/quicktime");
});

test.each([
  [{ name: "notes.pdf", type: "application/pdf", size: 10 }, "type"],
  [{ name: "a.mp4", type: "video/mp4", size: 0 }, "empty"],
  [{ name: "a.mp4", type: "video/mp4", size: 3 * 1024 ** 3 }, "large"],
  [{ name: "a.mp4", type: "video/mp4", size: 10 }, null],
])("%j is judged before a byte is sent", (file, why) => {
  expect(unfit(file)).toBe(why);
});
