import { defineConfig } from "vitest/config";

// Most of it is about a system of trials; what is about paying is run against another, E2E=billing.
const ofPaying = ["billing.test.ts"];
const paying = process.env.E2E === "billing";

// The whole system in a real browser: linking takes seconds, waiting for a slice may take a minute.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: paying ? ofPaying : ["*.test.ts"],
    exclude: paying ? [] : ofPaying,
    testTimeout: 240_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    reporters: "verbose",
  },
});
