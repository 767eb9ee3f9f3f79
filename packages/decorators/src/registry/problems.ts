/** Collects what is wrong, so that one launch tells all of it. */
import { raise, type ErrorCatalogue } from '../errors.js';

export type Problem = ErrorCatalogue['REGISTRATION']['problems'][number];
export interface DependencyIssue {
  readonly path: readonly string[];
  readonly kind: ErrorCatalogue['DEPENDENCY']['problem'];
  /** Class and parameter: `Transfers, parameter 0 (accounts)`. */
  readonly where: string;
  readonly text: string;
  readonly remedy: string;
}

export class Problems {
  readonly #registration: Problem[] = [];
  readonly #dependency: DependencyIssue[] = [];

  /**
   * @param method class and member
   * @param problem without a full stop
   * @param remedy what to do
   */
  add(method: string, problem: string, remedy: string): void {
    if (!this.#registration.some((known) => known.method === method && known.problem === problem)) this.#registration.push({ method, problem, remedy });
  }
  addDependency(issue: DependencyIssue): void {
    this.#dependency.push(issue);
  }
  get hasDependencyIssues(): boolean {
    return this.#dependency.length > 0;
  }

  /** @throws DEPENDENCY for the first one if nothing else is wrong; else REGISTRATION with everything in it */
  throwIfAny(): void {
    const [first] = this.#dependency;
    if (this.#registration.length === 0 && first !== undefined) {
      const message = `${first.kind} dependency of ${first.where}: ${first.text}. ${first.remedy}. Path: ${first.path.join(' -> ')}`;
      raise('DEPENDENCY', { path: first.path, problem: first.kind }, { message });
    }
    if (this.#registration.length === 0) return;
    const dependencies = this.#dependency.map(({ where, kind, text, remedy, path }) => ({
      method: where,
      problem: `${kind} dependency: ${text} (${path.join(' -> ')})`,
      remedy,
    }));
    raise('REGISTRATION', { problems: [...this.#registration, ...dependencies] });
  }
}
