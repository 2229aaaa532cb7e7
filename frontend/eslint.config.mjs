import next from "eslint-config-next/core-web-vitals";
import typescript from "eslint-config-next/typescript";

const config = [
  ...next,
  ...typescript,
  { ignores: [".next/**", "out/**", "next-env.d.ts", "src/api/schema.ts"] },
  {
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@next/next/no-img-element": "off", // an export has no server that could make images smaller
    },
  },
];

export default config;
