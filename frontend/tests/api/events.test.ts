import { expect, test } from "vitest";
import { EventReader } from "@/api/events";

test("events come out whole, wherever the network cuts them", () => {
  const stream = 'retry: 2000\n\nevent: state\nid: 1\ndata: {"a":1}\n\n: still here\n\nevent: progress\r\ndata: x\r\ndata: y\r\n\r\n';
  for (let cut = 0; cut < stream.length; cut += 1) {
    const reader = new EventReader();
    const events = [...reader.push(stream.slice(0, cut)), ...reader.push(stream.slice(cut))];
    expect(events).toEqual([
      { name: "state", data: '{"a":1}' },
      { name: "progress", data: "x\ny" },
    ]);
  }
});
