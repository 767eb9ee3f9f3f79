import { randomBytes } from 'node:crypto';
import { Apiary } from '@apiary/core';
import { namesOf } from '@apiary/core/internal';
import { asAdmin, withDatabase, type TestDatabase } from '../engine/database.js';
import { WITNESS, type CrashScenario } from './scenario.js';

/** Makes each run of a scenario a database of its own, copied from one that was filled once. */
export class ShapeDatabases {
  readonly #server: string;
  readonly #template: string;
  readonly #dropping = new Set<Promise<void>>();

  private constructor(server: string, template: string) {
    this.#server = server;
    this.#template = template;
  }

  /** @param server connection string of an account that may create databases */
  static async prepare(scenario: CrashScenario, server: string): Promise<ShapeDatabases> {
    const template = newName();
    await asAdmin(server, `create database ${template}`);
    if (scenario.from === 'launch') return new ShapeDatabases(server, template);
    const database = withDatabase(server, template);
    const { services, config, migrations } = scenario;
    // The services may want values: nothing runs in the template, so any do.
    const app = await Apiary.launch({
      ...config,
      services,
      database,
      ...(migrations === undefined ? {} : { migrations }),
      provide: [[WITNESS, 'nobody']],
      log: { level: 'silent' },
    } as never);
    await app.shutdown({ grace: 0 });
    await asAdmin(database, `delete from ${namesOf(config?.schema ?? 'apiary').executor}`);
    return new ShapeDatabases(server, template);
  }

  async copy(): Promise<TestDatabase> {
    const name = newName();
    await asAdmin(this.#server, `create database ${name} template ${this.#template}`);
    const drop = (): Promise<void> => asAdmin(this.#server, `drop database if exists ${name} with (force)`);
    return { connectionString: withDatabase(this.#server, name), name, drop, [Symbol.asyncDispose]: drop };
  }

  /** Goes on while other work is done; `close` waits for it. */
  drop(database: TestDatabase): void {
    const dropped: Promise<void> = database
      .drop()
      .catch(() => undefined)
      .finally(() => this.#dropping.delete(dropped));
    this.#dropping.add(dropped);
  }

  async close(): Promise<void> {
    await Promise.all(this.#dropping);
    await asAdmin(this.#server, `drop database if exists ${this.#template} with (force)`);
  }
}

function newName(): string {
  return `apiary_crash_${randomBytes(6).toString('hex')}`;
}
