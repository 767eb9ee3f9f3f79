/** A statement as the engine sends it. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  /** Prepared under this name, once a connection; without it the statement is parsed each time. */
  readonly name?: string | undefined;
  /** The rows of a `copy ... from stdin`, in its text format. */
  readonly copy?: string | undefined;
}
/** What the server answered to one statement. */
export interface Result<T = Record<string, unknown>> {
  /** First word of the command tag: INSERT, COMMIT, ROLLBACK, ... */
  readonly command: string;
  readonly rowCount: number;
  readonly rows: T[];
}
