// Jest runs ES modules with NODE_OPTIONS=--experimental-vm-modules. It runs what tsc wrote, as it is.
export default { testMatch: [process.env.EXAMPLE ?? '**/dist/jest/**/*.test.js'], transform: {}, testEnvironment: 'node' };
