import type { NextConfig } from "next";

/** Files only: no server renders anything, so the export can lie in a bucket behind CloudFront. */
const config: NextConfig = {
  output: "export",
  reactStrictMode: true,
  // `npm run check` has checked them.
  typescript: { ignoreBuildErrors: true },
  // The address of the source, so that one source gives one build; it would else be drawn at random.
  generateBuildId: () => process.env.SITE_ADDRESS ?? "local",
};

export default config;
