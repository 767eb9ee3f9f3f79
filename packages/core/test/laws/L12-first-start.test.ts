import { Child, createDatabase, until, type TestDatabase } from '@apiary/testing/internal';
import { expect } from 'chai';
import pg from 'pg';

const processes = 50;

describe('L12: the first start is a race', function () {
  this.timeout(300_000);
  let database: TestDatabase;
  let client: pg.Client;
  const children: Child[] = [];
  beforeEach(async () => {
    database = await createDatabase();
    client = new pg.Client({ connectionString: database.connectionString });
    client.on('error', () => {});
    await client.connect();
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.kill()));
    await client.end();
    await database.drop();
  });

  const spawn = async (): Promise<Child> => {
    const child = await Child.spawn(new URL('../support/recovery/launching-child.js', import.meta.url), {
      args: [database.connectionString],
      execArgv: ['--unhandled-rejections=strict'],
    });
    children.push(child);
    return child;
  };

  it(`L12: ${processes} processes launch at once on an empty database, one of them is killed in the middle`, async () => {
    for (let i = 0; i < processes; i += 5) await Promise.all((await Promise.all(Array.from({ length: 5 }, spawn))).map((child) => child.ready));
    // Whoever is first stands still at the first table, inside the migration, until the test lets go: the others queue behind it.
    const gate = new pg.Client({ connectionString: database.connectionString });
    await gate.connect();
    await gate.query('begin');
    await gate.query('create schema apiary'); // not committed: who creates it too waits for this transaction
    for (const child of children) child.send('go');
    const waiting = await until(
      'one is inside the migration and the others wait for it',
      async () => {
        const { rows } = await client.query<{ pid: number; query: string; event: string }>(
          `select pid, query, wait_event as event from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return rows.some((row) => row.query.startsWith('create schema')) && rows.filter((row) => row.event === 'advisory').length >= 20 && rows;
      },
      { within: 120_000 },
    );
    const inside = waiting.find((row) => row.query.startsWith('create schema'))?.pid;
    const port = (await client.query<{ port: number }>('select client_port as port from pg_stat_activity where pid = $1', [inside])).rows[0]?.port;
    const victim = await ownerOf(port ?? 0);
    expect(victim, 'the process that is inside').to.not.equal(undefined);
    expect(await victim?.kill()).to.include({ signal: 'SIGKILL' });
    await gate.query('rollback');
    await gate.end();
    const others = children.filter((child) => child !== victim);
    expect(others).to.have.length(processes - 1);
    const results = await Promise.all(others.map((child) => child.result));
    for (const result of results) expect(result).to.deep.equal({ written: 1 });
    const { rows } = await client.query('select version from apiary.schema_version order by 1');
    expect(rows.length).to.be.greaterThan(0);
    expect(new Set(rows.map((row: { version: number }) => row.version)).size, 'each version once').to.equal(rows.length);
    const [executors] = (await client.query<{ n: number }>('select count(*)::int as n from apiary.executor')).rows;
    expect(executors?.n).to.equal(processes - 1);
  });

  /** The child that holds this port of the loopback. */
  async function ownerOf(port: number): Promise<Child | undefined> {
    const { readdirSync, readFileSync, readlinkSync } = await import('node:fs');
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    for (const child of children) {
      const inodes = new Set(
        ['tcp', 'tcp6']
          .flatMap((file) => readFileSync(`/proc/${child.pid}/net/${file}`, 'utf8').split('\n'))
          .map((line) => line.trim().split(/\s+/))
          .filter((fields) => fields[1]?.endsWith(`:${hex}`) === true)
          .map((fields) => fields[9]),
      );
      for (const fd of readdirSync(`/proc/${child.pid}/fd`)) {
        try {
          const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${child.pid}/fd/${fd}`))?.[1];
          if (inode !== undefined && inodes.has(inode)) return child;
        } catch {
          // closed meanwhile
        }
      }
    }
    return undefined;
  }
});
