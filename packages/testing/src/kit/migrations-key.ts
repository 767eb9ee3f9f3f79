import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '@apiary/core';

const ids = new WeakMap<object, number>();
let next = 0;

/** Same key, same tables. A function is known by its text, a folder by its files, a migration source by its identity. */
export function migrationsKey({ migrations, schema = 'apiary' }: Pick<Config, 'migrations' | 'schema'>): string {
  const hash = createHash('sha256').update(`${schema}\n`);
  if (typeof migrations === 'function') hash.update(String(migrations));
  else if (migrations?.migrationSource !== undefined) hash.update(`source ${idOf(migrations.migrationSource as object)}`);
  else if (migrations !== undefined) {
    hash.update(JSON.stringify(migrations));
    for (const folder of [migrations.directory ?? './migrations'].flat()) {
      for (const file of readdirSync(folder).sort()) hash.update(`${file}\n`).update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex');
}

function idOf(source: object): number {
  let id = ids.get(source);
  if (id === undefined) ids.set(source, (id = next++));
  return id;
}
