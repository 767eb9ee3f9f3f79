import { defineConfig } from 'vitest/config';

// Vitest's own compiler emits no types of parameters, and validation and injection need them: it runs what tsc wrote.
export default defineConfig({ test: { include: [process.env.EXAMPLE ?? 'dist/vitest/**/*.test.js'] } });
