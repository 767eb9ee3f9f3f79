// What both versions of DBOS share. Its system tables live in the benchmark's database, in a schema of their own for each version.

export async function launch(DBOS, url, pool, version) {
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: url,
    systemDatabasePoolSize: pool,
    systemDatabaseSchemaName: `dbos_${version}`,
    logLevel: 'error',
    runAdminServer: false,
  });
  await DBOS.launch();
}

/** The workloads without transactions. */
export function stepOperations(DBOS) {
  const steps10 = DBOS.registerWorkflow(
    async () => {
      for (let step = 0; step < 10; step++) await DBOS.runStep(async () => 1, { name: 'noop' });
      return 10;
    },
    { name: 'steps10' },
  );
  const empty = DBOS.registerWorkflow(async () => 1, { name: 'empty' });
  return { steps10: () => steps10(), empty: () => empty() };
}
