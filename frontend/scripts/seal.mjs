// Runs after `next build`: leaves no script in the pages but those of inline/, which the security policy names by hash.
//
// Next writes its data into inline scripts that differ from build to build. Each page's are put into one file named
// by its content; a deferred script runs in the same order, before the document counts as loaded.
// docs/decisions/0006-page-scripts.md says why.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const OUT = "out";
const SEALED = "_next/static/pages";
const INLINE = /<script(?![^>]*\ssrc=)([^>]*)>([\s\S]*?)<\/script>/g;

const allowed = new Set(readdirSync("inline").map((name) => readFileSync(join("inline", name), "utf8")));

async function main() {
  await mkdir(join(OUT, SEALED), { recursive: true });
  const pages = readdirSync(OUT, { recursive: true }).filter((name) => name.endsWith(".html"));
  for (const page of pages) writeFileSync(join(OUT, page), sealed(readFileSync(join(OUT, page), "utf8"), page));
  // Which source this was built from; at the bucket's root it says which release is live.
  await writeFile(join(OUT, "site.json"), JSON.stringify({ address: process.env.SITE_ADDRESS ?? "local" }));
  // The page shown when everything else fails is of the server's form only; a bucket never sends it.
  await rm(join(OUT, "_not-found"), { recursive: true, force: true });
  await rm(join(OUT, "_not-found.html"), { force: true });
  await rm(join(OUT, "_not-found.txt"), { force: true });
}

function sealed(html, page) {
  const moved = [];
  const without = html.replace(INLINE, (whole, attributes, code) => {
    if (allowed.has(code)) return whole;
    if (attributes.trim() && !/^\s*id="[^"]*"$/.test(attributes)) {
      throw new Error(`${page}: a script with ${attributes.trim()} cannot be moved into a file`);
    }
    moved.push(code);
    return "";
  });
  if (/\sstyle="|\son[a-z]+="|<style/.test(without)) {
    throw new Error(`${page}: holds an inline style or handler, which the security policy refuses`);
  }
  if (!moved.length) return without;
  const code = moved.join(";\n");
  const name = `${SEALED}/${createHash("sha256").update(code).digest("hex").slice(0, 16)}.js`;
  writeFileSync(join(OUT, name), code);
  return without.replace("</body>", `<script src="/${name}" defer=""></script></body>`);
}

await main();
