import { spawn } from 'node:child_process';

/** Who a program runs as. */
export interface Account {
  uid: number;
  gid: number;
}

export interface Finished {
  code: number | null;
  /** What it wrote to both outputs, or why it could not run. */
  output: string;
}

/** Runs a program to its end. Never rejects: a program that cannot run ends with code null. */
export function run(file: string, args: readonly string[], account?: Account, env: NodeJS.ProcessEnv = process.env): Promise<Finished> {
  return new Promise((settle) => {
    let output = '';
    // The working directory of the caller may be closed to the account.
    const child = spawn(file, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'], ...(account && { uid: account.uid, gid: account.gid }) });
    const collect = (text: string): void => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);
    child.once('error', (error) => settle({ code: null, output: `${output}${error.message}` }));
    child.once('close', (code) => settle({ code, output: output.trim() }));
  });
}
