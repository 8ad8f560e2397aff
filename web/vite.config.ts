import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds a running system; the built app talks to its own origin.
const backend = process.env.BACKEND_URL ?? "http://app.localhost:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    // The content security policy allows no data: addresses, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    proxy: {
      "/api": { target: backend, changeOrigin: true },
      // Two pages of the app have a path there, too.
      "^/billing/(?!done\\b)": { target: backend, changeOrigin: true },
      "/auth": { target: backend, changeOrigin: true },
    },
  },
  test: {
    // Making a DOM takes seconds a file: those that need one say so at their top.
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}", "operations/**/*.test.ts"],
    restoreMocks: true,
  },
});
